"""Public names and submodules that are imported when first used: TensorFlow takes seconds."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ..errors import UsageError
from . import extras
from .logs import quiet_start


def fetch(package: str, homes: Mapping[str, Sequence[str]], name: str) -> Any:
    """What a package's `__getattr__` returns: a name from the module that is its home, or a
    submodule.

    Args:
        homes: module within the package -> its public names.

    Raises:
        AttributeError: no such name.
        MissingExtra: the module needs a package that is not installed.
    """
    try:
        for home, names in homes.items():
            if name in names:
                value = getattr(imported(f"{package}.{home}"), name)
                setattr(sys.modules[package], name, value)
                return value
        if name.isidentifier() and name[0] != "_" and importlib.util.find_spec(f"{package}.{name}"):
            return imported(f"{package}.{name}")
    except ImportError as error:
        extras.explain(error, f"{package}.{name}")
        raise
    raise AttributeError(f"module '{package}' has no attribute '{name}'")


def imported(name: str) -> ModuleType:
    """The module. Keras and rich draw a random number when they are imported: the caller's random
    state is restored."""
    before, backend = random.getstate(), os.environ.get("KERAS_BACKEND", "tensorflow")
    try:
        with quiet_start():
            return importlib.import_module(name)
    except (ImportError, ValueError) as error:
        if backend != "tensorflow":
            raise UsageError(
                f"KERAS_BACKEND is {backend}: ganvas needs TensorFlow; set "
                "KERAS_BACKEND=tensorflow before Keras is imported"
            ) from error
        raise
    finally:
        random.setstate(before)
