"""A trained generator leaves the house: SavedModel, LiteRT and ONNX files, checked and described.

The package is not named `export`, because `ganvas.export` is the function.
The names below are imported when first used.
"""

from __future__ import annotations

import importlib as _importlib

_HOMES = {"benchmark": ("bench",), "release": ("export",)}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(_importlib.import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'ganvas.exporting' has no attribute '{name}'")
