"""The formats by name; without TensorFlow, so that a wrong word is answered at once."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from ..errors import UsageError, no_such

FORMATS = ("saved_model", "litert", "onnx")
DEFAULT = ("saved_model", "litert")
ONNX_NEEDS = ("tf2onnx", "onnx", "onnxruntime")


def check(formats: Iterable[str]) -> list[str]:
    """The formats, once each. Raises: UsageError: an unknown one, or one that cannot be had."""
    names = list(dict.fromkeys(formats))
    if not names:
        raise UsageError(f"no format is named: there is {', '.join(FORMATS)}; name one or more")
    for name in names:
        if name not in FORMATS:
            raise UsageError(no_such("format", name, FORMATS))
    missing = [name for name in ONNX_NEEDS if importlib.util.find_spec(name) is None]
    if "onnx" in names and missing:
        raise UsageError(
            f"the format onnx needs {', '.join(missing)}, which is not installed: "
            "`pip install 'ganvas[onnx]'`, or leave the format out"
        )
    return names
