"""Defects: learns from good parts only; says of a new image whether it is defective, and where.

    from ganvas.kits import defects
    detector = defects.fit("good/", out="models/tiles")
    detector.score(images)          # score, p_value, defective, heatmap for each

The names below are imported when first used.
"""

from __future__ import annotations

from ...base.lazy import fetch as _fetch

_HOMES = {
    "detector": ("Detector", "search"),
    "fitting": ("fit",),
    "judging": ("judge",),
    "reporting": ("report",),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
