"""Scores of generated images: with confidence intervals, floors, and a search for copies.

The names below are imported when first used: a report needs no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .base import Comparison as Comparison, Sample as Sample, Score as Score
    from .result import (
        ClassShares as ClassShares,
        Evaluation as Evaluation,
        GateResult as GateResult,
        Grids as Grids,
        TruncationPoint as TruncationPoint,
    )
    from .score_report import write_report as write_report
    from .score_tables import comparison_table as comparison_table, scores_table as scores_table
    from .scores import SCORES as SCORES, score as score
    from .subject import evaluate as evaluate
    from .verdict import Verdict as Verdict

_HOMES = {
    "base": ("Comparison", "Sample", "Score"),
    "result": ("ClassShares", "Evaluation", "GateResult", "Grids", "TruncationPoint"),
    "subject": ("evaluate",),
    "score_report": ("write_report",),
    "score_tables": ("comparison_table", "scores_table"),
    "scores": ("SCORES", "score"),
    "verdict": ("Verdict",),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
