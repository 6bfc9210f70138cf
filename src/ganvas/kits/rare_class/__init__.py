"""Rare classes: top them up with generated images, and say with intervals whether that helps.

    from ganvas.kits import rare_class
    verdict = rare_class.balance("xrays/", rare=["pneumonia"], out="balanced/")
    print(verdict.word, verdict.sentence)      # helps, no evidence or hurts

The names below are imported when first used: `ganvas --help` must not wait for TensorFlow.
"""

from __future__ import annotations

from ...base.lazy import fetch as _fetch

_HOMES = {
    "balancing": ("balance",),
    "plan": ("Plan",),
    "verdict": ("Comparison", "Verdict"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str):
    return _fetch(__name__, _HOMES, name)
