"""Where images come from: `load` takes any of the accepted words and gives an `Images`."""

from __future__ import annotations

from ..lazy import fetch as _fetch

_HOMES = {
    "base": ("Images",),
    "options": ("Options",),
    "preparing": ("prepare",),
    "report": ("Report",),
    "sources": ("load", "options_of"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
