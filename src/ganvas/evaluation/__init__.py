"""Scores that can be trusted: with intervals, with floors, against copies.

The names below are imported when first used: a report needs no TensorFlow.
"""

from __future__ import annotations

import importlib as _importlib

_HOMES = {
    "base": ("Comparison", "Sample", "Score"),
    "subject": ("evaluate",),
    "features": ("Extractor", "choose", "extractor"),
    "report": ("comparison_table", "scores_table", "write_report"),
    "scores": ("SCORES", "score"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(_importlib.import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'ganvas.evaluation' has no attribute '{name}'")
