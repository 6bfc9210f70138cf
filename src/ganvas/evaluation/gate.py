"""The gate: bounds in a recipe that the scores must satisfy."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Gate
from .base import Score
from .result import GateResult


def judge(gate: Gate, scores: Mapping[str, Score]) -> GateResult:
    """Compare scores with the bounds. A required score that has no value fails."""
    bounds = {k: v for k, v in gate.model_dump().items() if v is not None}
    failed = []
    for key, bound in bounds.items():
        name, _, side = key.rpartition("_")
        score = scores.get(name, Score(None, why="it was not requested"))
        if score.value is None:
            failed.append(f"{name} has no value ({score.why}), but {key} = {bound:g} is required")
        elif side == "max" and score.value > bound:
            failed.append(f"{name} {score.value:.4g} is above {key} = {bound:g}")
        elif side == "min" and score.value < bound:
            failed.append(f"{name} {score.value:.4g} is below {key} = {bound:g}")
    return GateResult(not failed if bounds else None, tuple(failed))
