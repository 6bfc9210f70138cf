"""The formats by name; without TensorFlow, so that a wrong name fails at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from ..errors import UsageError, no_such

FORMATS = ("saved_model", "litert", "onnx")
DEFAULT = ("saved_model", "litert")
ONNX_NEEDS = ("tf2onnx", "onnx", "onnxruntime")


def check(formats: Iterable[str]) -> list[str]:
    """The formats, once each. Raises: UsageError: unknown, or its extra is not installed."""
    names = list(dict.fromkeys(formats))
    if not names:
        raise UsageError(f"no format given: choose from {', '.join(FORMATS)}")
    for name in names:
        if name not in FORMATS:
            raise UsageError(no_such("format", name, FORMATS))
    missing = [name for name in ONNX_NEEDS if importlib.util.find_spec(name) is None]
    if "onnx" in names and missing:
        raise UsageError(
            f"the format onnx needs {', '.join(missing)}, which is not installed: "
            "`pip install 'ganvas[onnx]'`, or omit the format"
        )
    return names
