"""Other forms of the key `watch.loggers`: of older recipes, and of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def listed(loggers: Any) -> Any:
    """One name, or several with commas, as a list."""
    if isinstance(loggers, str):
        return [name.strip() for name in loggers.split(",") if name.strip()]
    return loggers


def with_loggers(watch: Any) -> Any:
    """The section [watch]; older recipes have `tensorboard`: whether it is one of the loggers.

    Raises: ValueError: it is neither true nor false.
    """
    if not isinstance(watch, Mapping) or "tensorboard" not in watch:
        return watch
    rest = {key: value for key, value in watch.items() if key != "tensorboard"}
    wanted, others = watch["tensorboard"], listed(rest.get("loggers", []))
    if not isinstance(wanted, bool):
        raise ValueError(f"tensorboard must be true or false, got {wanted!r}")
    if isinstance(others, list):
        rest["loggers"] = ["tensorboard"] * wanted + [o for o in others if o != "tensorboard"]
    return rest
