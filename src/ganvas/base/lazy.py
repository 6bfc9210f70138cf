"""Public names that are imported when first used: TensorFlow takes seconds."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def fetch(package: str, homes: Mapping[str, Sequence[str]], name: str) -> Any:
    """What a package's `__getattr__` returns: the name, from the module that is its home.

    Args:
        homes: module within the package -> its public names.

    Raises: AttributeError: no such name.
    """
    for home, names in homes.items():
        if name in names:
            value = getattr(importlib.import_module(f"{package}.{home}"), name)
            setattr(sys.modules[package], name, value)
            return value
    raise AttributeError(f"module '{package}' has no attribute '{name}'")
