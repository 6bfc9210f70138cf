"""A trained generator leaves the house: SavedModel, LiteRT and ONNX files, checked and described.

The package is not named `export`, because `ganvas.export` is the function.
The names below are imported when first used.
"""

from __future__ import annotations

from ..base.lazy import fetch as _fetch

_HOMES = {"benchmark": ("bench",), "release": ("export",)}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
