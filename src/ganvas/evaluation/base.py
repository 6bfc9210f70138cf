"""Samples, comparisons and scores: the types that all scores share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ..base.finite import finite

MOST = 10_000
"""Most images of each kind for scores of all pairs; of more, this number is drawn at random."""

HELD_OUT, TRAINING = "held-out images", "training images"
"""Names of the images that models are selected with."""

FEWEST_HELD = 50
"""Held-out images that are needed; with fewer, training images are used instead."""

T = TypeVar("T")


def called(score: str, against: str) -> str:
    """The name of a score for a person: on images that were trained on, it says so."""
    return f"{score} on {against}" if against == TRAINING else score


@dataclass(frozen=True)
class Sample:
    """Features, pixels and labels of a set of images, one row per image.

    Attributes:
        features: float32 [N, D], of one extractor.
        pixels: uint8 [N, h, w, C], the images, reduced to at most 32 pixels a side.
        probabilities: float32 [N, K], of the extractor's classes; None if it has none.
        labels: int32 [N]; None if there are none.
    """

    features: np.ndarray
    pixels: np.ndarray
    probabilities: np.ndarray | None = None
    labels: np.ndarray | None = None

    @classmethod
    def of_pixels(cls, pixels: np.ndarray) -> Sample:
        """Without features, for scores that compare pixels alone: uint8 [N, h, w, C]."""
        return cls(np.zeros((len(pixels), 0), np.float32), pixels)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Any) -> Sample:
        """The images at these rows (a slice, indices or a mask)."""
        return Sample(
            self.features[rows],
            self.pixels[rows],
            None if self.probabilities is None else self.probabilities[rows],
            None if self.labels is None else self.labels[rows],
        )


@dataclass(frozen=True)
class Comparison:
    """Fakes and the real images that they are compared with.

    Attributes:
        real: the reference.
        fake: generated images.
        spare: other real images, as many as the fakes; their score is the floor. None:
            the floor comes from `real`, split in two in the ratio of real to fake.
        train: training images of the generator; None if they are not known.
        held: held-out real images, for the floor of near-copies.
        seed: of every random choice.
    """

    real: Sample
    fake: Sample
    spare: Sample | None = None
    train: Sample | None = None
    held: Sample | None = None
    seed: int = 0


@dataclass(frozen=True)
class Score:
    """A number with its 95 % confidence interval and its floor.

    Attributes:
        value: None if it could not be computed.
        low, high: ends of the interval.
        floor: the score of real images in place of the fakes.
        why: the reason for a missing value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON: numbers that are not finite become None; `why` only if it is not empty."""
        numbers = {
            "value": finite(self.value),
            "low": finite(self.low),
            "high": finite(self.high),
            "floor": finite(self.floor),
        }
        why = self.why
        if self.value is not None and numbers["value"] is None:
            why = why or f"the value is not finite ({self.value})"
        return {**numbers, "why": why} if why else numbers


Scorer = Callable[[Comparison], Score]


def once(compute: Callable[[Any], T]) -> Callable[[Any], T]:
    """Store the result in the object it was computed from, for scores that share work."""
    name = f"_{compute.__module__}.{compute.__qualname__}"

    def cached(source: Any) -> T:
        stored = vars(source)
        if name not in stored:
            stored[name] = compute(source)
        return stored[name]

    cached.__name__, cached.__doc__ = compute.__name__, compute.__doc__
    return cached


@once
def drawn(c: Comparison) -> Comparison:
    """The comparison with at most `MOST` images of each kind, for scores of all pairs."""

    def draw(sample: Sample, number: int) -> Sample:
        if len(sample) <= MOST:
            return sample
        rows = np.random.default_rng([c.seed, number]).permutation(len(sample))[:MOST]
        return sample[np.sort(rows)]

    spare = None if c.spare is None else draw(c.spare, 2)
    return replace(c, real=draw(c.real, 0), fake=draw(c.fake, 1), spare=spare)


@once
def real_for_fake(c: Comparison) -> Comparison | None:
    """Real images in place of the fakes: the spare ones, else a part of the real ones.

    None if there are fewer than two of either kind.
    """
    if c.spare is not None:
        return Comparison(c.real, c.spare, seed=c.seed) if len(c.spare) > 1 else None
    count = round(len(c.real) * len(c.fake) / max(1, len(c.real) + len(c.fake)))
    if min(count, len(c.real) - count) < 2:
        return None
    order = np.random.default_rng([c.seed, 7]).permutation(len(c.real))
    return Comparison(c.real[order[count:]], c.real[order[:count]], seed=c.seed)
