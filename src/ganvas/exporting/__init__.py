"""Export of a trained generator: SavedModel, LiteRT and ONNX files, checked and described.

The package is not named `export`, because `ganvas.export` is the function.
The names below are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .benchmark import Timing as Timing, bench as bench
    from .pushing import Pushed as Pushed, push as push
    from .release import export as export

_HOMES = {"benchmark": ("Timing", "bench"), "pushing": ("Pushed", "push"), "release": ("export",)}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
