"""The formats by name; without TensorFlow, so that a wrong name fails at once."""

from __future__ import annotations

from collections.abc import Iterable

from ..base import extras
from ..errors import UsageError, no_such

FORMATS = ("saved_model", "litert", "onnx")
DEFAULT = ("saved_model", "litert")


def check(formats: Iterable[str]) -> list[str]:
    """The formats, once each. Raises: UsageError: unknown. MissingExtra: onnx is not installed."""
    names = list(dict.fromkeys(formats))
    if not names:
        raise UsageError(f"no format given: choose from {', '.join(FORMATS)}")
    for name in names:
        if name not in FORMATS:
            raise UsageError(no_such("format", name, FORMATS))
    if "onnx" in names:
        extras.check("onnx", "the format onnx", "omit the format")
    return names
