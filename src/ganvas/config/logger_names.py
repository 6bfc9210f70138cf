"""The names that `watch.loggers` accepts: those of ganvas, and those of plug-ins."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticKnownError

from ..base import plug_ins

NAMES = ("tensorboard", "csv", "wandb", "mlflow", "trackio")


def _known(name: str) -> str:
    plug_ins.check_clash("logger", name, NAMES)
    if name in NAMES or name in plug_ins.found("logger"):
        return name
    *most, last = (f"'{one}'" for one in (*NAMES, *plug_ins.found("logger")))
    raise PydanticKnownError("literal_error", {"expected": f"{', '.join(most)} or {last}"})


LoggerName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(NAMES)})
]
"""The schema of editors has the names of ganvas only: it is the same on every machine."""
