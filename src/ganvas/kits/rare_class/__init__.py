"""Rare classes: add generated images, and test with intervals whether they help.

    from ganvas.kits import rare_class
    verdict = rare_class.balance("xrays/", rare=["pneumonia"], out="balanced/")
    print(verdict.word, verdict.sentence)      # helps, no evidence or hurts

The names below are imported when first used: `ganvas --help` must not wait for TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...base.lazy import fetch as _fetch

if TYPE_CHECKING:
    from .balancing import balance as balance
    from .plan import Plan as Plan
    from .results import Comparison as Comparison, Verdict as Verdict

_HOMES = {
    "balancing": ("balance",),
    "plan": ("Plan",),
    "results": ("Comparison", "Verdict"),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        return _fetch(__name__, _HOMES, name)
