"""Loggers of a run: TensorBoard, a CSV file and experiment trackers get what each tick logs.

A recipe names them: `watch.loggers`. Nothing is imported here, so that a recipe is checked before
TensorFlow and the trackers are loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ...base import plug_ins
from ...base.extras import missing

if TYPE_CHECKING:
    from .base import Logger


class Home(NamedTuple):
    """Where a logger is.

    Attributes:
        module: in this folder.
        kind: its class.
        needs: modules that an extra of the same name installs.
    """

    module: str
    kind: str
    needs: tuple[str, ...] = ()


LOGGERS = {
    "tensorboard": Home("tensorboard", "TensorBoard"),
    "csv": Home("csv_file", "CSVFile"),
    "wandb": Home("wandb", "WeightsAndBiases", ("wandb",)),
    "mlflow": Home("mlflow", "MLflow", ("mlflow",)),
    "trackio": Home("trackio", "Trackio", ("trackio",)),
}


def check(names: Iterable[str]) -> None:
    """Raises: MissingExtra: a logger needs an extra that is not installed."""
    for name in names:
        if name in LOGGERS and not all(map(_installed, LOGGERS[name].needs)):
            raise missing(name, name, f"watch.loggers = {name}")


def logger_type(name: str) -> type[Logger]:
    """The class of a logger; imports what it needs. Raises: ConfigError: a plug-in is broken."""
    if name not in LOGGERS:
        from .base import Logger

        other: type[Logger] = plug_ins.load("logger", name, Logger)
        return other
    home = LOGGERS[name]
    kind: type[Logger] = getattr(importlib.import_module(f"{__name__}.{home.module}"), home.kind)
    return kind


def _installed(module: str) -> bool:
    """Whether a module can be imported. A folder of its name, which trackers leave where they ran,
    is none."""
    found = importlib.util.find_spec(module)
    return found is not None and found.origin is not None
