"""Kits: whole tasks, done with what every user of ganvas has; each is imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from . import (
        defects as defects,
        patterns as patterns,
        privacy as privacy,
        rare_class as rare_class,
    )

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, {}, name)
