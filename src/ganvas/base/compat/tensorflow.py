"""Private names of TensorFlow 2.21."""

from __future__ import annotations

from typing import Any

from tensorflow.python.framework import op_def_registry


def op_def(name: str) -> Any | None:
    """The definition of an operation, an OpDef; None if TensorFlow has none of this name."""
    return op_def_registry.get(name)
