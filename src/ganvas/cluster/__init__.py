"""The same work on several processes or machines, by Ray: draw in bulk, pack, train.

Results do not depend on how many workers there are.
"""

from __future__ import annotations

from ..base.lazy import fetch as _fetch

_HOMES = {
    "ray": ("check_installed", "joined"),
    "sampling": ("draw",),
    "packing": ("pack",),
    "training": ("resume", "train"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
