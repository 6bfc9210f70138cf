"""Precision and recall of a generator by truncation."""

from __future__ import annotations

from ..base.progress import stage
from ..features.base import Extractor
from ..sampling.sampler import Sampler
from .base import Comparison
from .result import TruncationPoint
from .samples import describe
from .scores import score

TRUNCATIONS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def curve(
    sampler: Sampler | None, comparison: Comparison, extractor: Extractor, seed: int
) -> tuple[TruncationPoint, ...]:
    """A point for each truncation; none without a generator."""
    if sampler is None:
        return ()
    count, points = min(2000, len(comparison.fake), len(comparison.real)), []
    with stage("measuring truncations", len(TRUNCATIONS)) as measuring:
        for truncation in TRUNCATIONS:
            drawn = sampler.sample(count, seed=seed, truncation=truncation)
            one = Comparison(comparison.real[:count], describe(drawn, extractor), seed=seed)
            scores = score(one, ["precision", "recall"])
            values = scores["precision"].value, scores["recall"].value
            points.append(TruncationPoint(truncation, *values))
            measuring.advance()
    return tuple(points)
