"""The gate: what a recipe demands of its scores."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Gate
from .base import Score


def judge(gate: Gate, scores: Mapping[str, Score]) -> tuple[bool | None, list[str]]:
    """Whether the scores pass, None where nothing is demanded; and a sentence for each failure.

    A score that is demanded and could not be computed fails.
    """
    demands = {k: v for k, v in gate.model_dump().items() if v is not None}
    failed = []
    for key, bound in demands.items():
        name, _, side = key.rpartition("_")
        score = scores.get(name, Score(None, why="it was not asked for"))
        if score.value is None:
            failed.append(f"{name} has no value ({score.why}), and {key} = {bound:g} is demanded")
        elif side == "max" and score.value > bound:
            failed.append(f"{name} {score.value:.4g} is above {key} = {bound:g}")
        elif side == "min" and score.value < bound:
            failed.append(f"{name} {score.value:.4g} is below {key} = {bound:g}")
    return (not failed if demands else None), failed
