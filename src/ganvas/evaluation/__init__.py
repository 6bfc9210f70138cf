"""Scores that can be trusted: with intervals, with floors, against copies.

The names below are imported when first used: a report needs no TensorFlow.
"""

from __future__ import annotations

from ..base.lazy import fetch as _fetch

_HOMES = {
    "base": ("Comparison", "Sample", "Score"),
    "subject": ("evaluate",),
    "score_report": ("comparison_table", "scores_table", "write_report"),
    "scores": ("SCORES", "score"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
