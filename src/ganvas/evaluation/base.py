"""What is compared, what a score is, and what several scores share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

MOST = 10_000
"""Images a side where every pair is looked at; of more, so many are drawn at random."""

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A set of images as scores see it, one row per image.

    Attributes:
        features: float32 [N, D], of one extractor.
        pixels: uint8 [N, h, w, C], the images themselves, brought to at most 32 pixels a side.
        probabilities: float32 [N, K], of the extractor's classes; None where it names none.
        labels: int32 [N]; None where there are none.
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
    """Generated images beside real ones.

    Attributes:
        real: what the fakes are measured against.
        fake: the generated images.
        spare: other real images, as many as the fakes: scored like them, they give the floor. None:
            the floor comes from `real`, split in two in the ratio of real to fake.
        train: what the generator learnt from; None where it is not known.
        held: real images that it did not learn from, to compare copies with.
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
    """A number with its 95 % interval and its floor: what real images score in its place.

    What could not be computed has no value, and says why.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `why` only where it has something to say."""
        numbers = {"value": self.value, "low": self.low, "high": self.high, "floor": self.floor}
        return {**numbers, "why": self.why} if self.why else numbers


Scorer = Callable[[Comparison], Score]


def once(compute: Callable[[Any], T]) -> Callable[[Any], T]:
    """Keeps the result with the object it was computed from, for scores that share work."""
    name = f"_{compute.__module__}.{compute.__qualname__}"

    def recall(source: Any) -> T:
        kept = vars(source)
        if name not in kept:
            kept[name] = compute(source)
        return kept[name]

    recall.__name__, recall.__doc__ = compute.__name__, compute.__doc__
    return recall


@once
def drawn(c: Comparison) -> Comparison:
    """The comparison with at most `MOST` images a side, for scores that look at every pair."""

    def draw(sample: Sample, number: int) -> Sample:
        if len(sample) <= MOST:
            return sample
        rows = np.random.default_rng([c.seed, number]).permutation(len(sample))[:MOST]
        return sample[np.sort(rows)]

    spare = None if c.spare is None else draw(c.spare, 2)
    return replace(c, real=draw(c.real, 0), fake=draw(c.fake, 1), spare=spare)


@once
def real_for_fake(c: Comparison) -> Comparison | None:
    """Real images in the fakes' place: the spare ones, else a part of the real ones.

    None where there are fewer than two on a side.
    """
    if c.spare is not None:
        return Comparison(c.real, c.spare, seed=c.seed) if len(c.spare) > 1 else None
    count = round(len(c.real) * len(c.fake) / max(1, len(c.real) + len(c.fake)))
    if min(count, len(c.real) - count) < 2:
        return None
    order = np.random.default_rng([c.seed, 7]).permutation(len(c.real))
    return Comparison(c.real[order[count:]], c.real[order[:count]], seed=c.seed)
