"""Private names of TensorFlow 2.21."""

from __future__ import annotations

from typing import Any

from tensorflow.python.framework import op_def_registry
from tensorflow.python.util import _pywrap_util_port


def op_def(name: str) -> Any | None:
    """The definition of an operation, an OpDef; None if TensorFlow has none of this name."""
    return op_def_registry.get(name)


def onednn() -> bool:
    """Whether TensorFlow's operations use oneDNN: decided by its build, the processor and
    TF_ENABLE_ONEDNN_OPTS, once in a process."""
    return bool(_pywrap_util_port.IsMklEnabled())
