"""The first sentence of a report: what the numbers say, before what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..reports.tables import number
from .base import called
from .case import Case
from .result import Evaluation
from .verdict import GOOD

OPENINGS = {
    "as_good_as_real": "As good as real in these scores",
    "close": "Close to real images",
    "too_few": "Too few images to say",
    "not_judged": "Not judged",
}
"""By the verdict; any other is "not there yet"."""
NAMED = 3
"""Lost classes that are named."""


def headline(result: Evaluation) -> str:
    """How far the images are from real ones, which classes are too rare, whether they are copies:
    "Not there yet: KID 18 where real images get 6; class 3 too rare; no copies"."""
    name = result.verdict.name
    opening = OPENINGS.get(name, "Not there yet")
    if result.gate.passed is False and name in GOOD:
        opening = "Below the bounds of its recipe"
    parts = [_distance(result), _classes(result), _copies(result)]
    said = "; ".join(filter(None, parts))
    return f"{opening}: {said}" if said else f"{opening}: there are no scores"


def unjudged(best: Mapping[str, Any]) -> str:
    """The same of a run that was not evaluated.

    Args:
        best: best.json; empty: no model was scored.
    """
    if not best:
        return "Not judged: no model was scored"
    by, floor = best["by"], (best.get("floor") or {}).get(best["by"])
    real = f" where real images get {number(floor)}" if isinstance(floor, (int, float)) else ""
    name = written(by, best.get("against", ""))
    return f"Not evaluated yet: {name} {number(best[by])}{real} during training"


def _distance(result: Evaluation) -> str:
    case = Case(result.scores, result.n_real, result.n_fake)
    for name in ("kid", "frechet"):
        score = result.scores.get(name)
        if score is not None and score.value is not None:
            value, floor = number(score.value), number(score.floor)
            if score.low is not None:
                value, floor = case.beside_floor(name)
            real = f" where real images get {floor}" if score.floor is not None else ""
            return f"{written(name)} {value}{real}"
    return ""


def written(name: str, against: str = "") -> str:
    """A score as the field writes it; `against`: as in best.json."""
    word = {"kid": "KID", "frechet": "Frechet distance"}.get(name, name)
    return word + called(name, against).removeprefix(name)


def _classes(result: Evaluation) -> str:
    lost = result.lost_classes
    if lost:
        return f"{'class' if len(lost) == 1 else 'classes'} {_listed(lost)} too rare"
    return "no class lost" if result.classes and result.verdict.name in GOOD else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _copies(result: Evaluation) -> str:
    score = result.scores.get("near_copies")
    if score is None or score.value is None:
        return ""
    return f"{score.value:.0%} copies" if result.verdict.copied else "no copies"
