"""The same work on several processes or machines, by Ray: draw many images, pack, train.

Results do not depend on the number of workers. Several workers need the extra `cluster`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .packing import pack as pack
    from .ray import check_installed as check_installed, joined as joined
    from .result import DrawResult as DrawResult, Part as Part
    from .sampling import draw as draw
    from .training import resume as resume, train as train

_HOMES = {
    "ray": ("check_installed", "joined"),
    "result": ("DrawResult", "Part"),
    "sampling": ("draw",),
    "packing": ("pack",),
    "training": ("resume", "train"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
