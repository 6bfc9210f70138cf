"""Search for values of a recipe that suit the images. `tune` needs the extra `tune` (Optuna)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .result import (
        BestTrial as BestTrial,
        PairedDifference as PairedDifference,
        Repeats as Repeats,
        TrialResult as TrialResult,
        TuningResult as TuningResult,
    )
    from .search import tune as tune

_HOMES = {
    "result": ("BestTrial", "PairedDifference", "Repeats", "TrialResult", "TuningResult"),
    "search": ("tune",),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
