"""Defects: learn from good parts only; find defective images, and the place of the defect.

    from ganvas.kits import defects
    detector = defects.fit("good/", out="models/tiles")
    detector.score(images)          # score, p_value, defective, heatmap for each

The names below are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .detector import Detector as Detector, Verdicts as Verdicts, search as search
    from .fitting import fit as fit
    from .judging import judge as judge
    from .large import fit_large as fit_large, score_large as score_large
    from .reporting import report as report
    from .results import DefectsReport as DefectsReport
    from .rewriting import calibrate as calibrate
    from .teaching import Lesson as Lesson, teach as teach

_HOMES = {
    "detector": ("Detector", "Verdicts", "search"),
    "fitting": ("fit",),
    "judging": ("judge",),
    "large": ("fit_large", "score_large"),
    "reporting": ("report",),
    "results": ("DefectsReport",),
    "rewriting": ("calibrate",),
    "teaching": ("Lesson", "teach"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
