"""Sources of images: `load` accepts a path, a name or arrays, and returns an `Images`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .base import Images as Images
    from .findings import Report as Report
    from .options import Options as Options
    from .preparing import prepare as prepare
    from .sources import (
        load as load,
        options_for_others as options_for_others,
        options_of as options_of,
    )

_HOMES = {
    "base": ("Images",),
    "options": ("Options",),
    "preparing": ("prepare",),
    "findings": ("Report",),
    "sources": ("load", "options_for_others", "options_of"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
