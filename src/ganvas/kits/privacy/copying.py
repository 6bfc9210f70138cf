"""Near-copies: does the generator repeat images it was trained on, more than held-out ones?

Each fake is looked up among training and held-out images *together*, without knowing which is
which. How much closer its nearest image is than the next ten are says how suspicious the pair is,
as in `evaluation.copies`. If training images gather at the top of that list, the generator copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...evaluation import manifold
from ...evaluation.base import Sample
from ...evaluation.copies import AROUND, NEAR, nearest
from ...stats.exact import exposure
from ...stats.intervals import clopper_pearson
from .result import Result


@dataclass(frozen=True)
class Pairs:
    """Of each fake, its nearest real image.

    Attributes:
        rows: in training and held-out images, one after the other, int64 [N].
        ratios: distance over the mean distance to the next ten, [N]; low is alike.
    """

    rows: np.ndarray
    ratios: np.ndarray


def in_pixels(fakes: np.ndarray, pool: np.ndarray) -> Pairs:
    """In pixels, at the best of nine shifts, mirrored or not: uint8 [N, h, w, C], [M, h, w, C];
    equal images of the pool count once."""
    own = different(pool)
    given = _sample(fakes), _sample(pool[own])
    rows, distances = nearest(*given, AROUND + 1, flips=True, thorough=True)
    return _pairs(own[rows], distances)


def different(images: np.ndarray) -> np.ndarray:
    """The first row of each different image: one that stands there twelve times would be its own
    surroundings, and its copies not be seen."""
    seen: dict[bytes, int] = {}
    for row, image in enumerate(images):
        seen.setdefault(image.tobytes(), row)
    return np.array(list(seen.values()), np.int64)


def in_features(fakes: np.ndarray, pool: np.ndarray) -> Pairs:
    """In features [N, D], [M, D], by Euclidean distance."""
    k = min(AROUND + 1, len(pool))
    rows, distances = np.empty((len(fakes), k), np.int64), np.empty((len(fakes), k))
    for part, squared in manifold.distances(fakes, pool):
        near = np.argpartition(squared, k - 1, axis=1)[:, :k]
        apart = np.sqrt(np.take_along_axis(squared, near, axis=1))
        order = np.argsort(apart, axis=1, kind="stable")
        rows[part] = np.take_along_axis(near, order, axis=1)
        distances[part] = np.take_along_axis(apart, order, axis=1)
    return _pairs(rows, distances)


def judge(
    pairs: Pairs, members: int, others: int, seed: int, where: str, people: np.ndarray | None = None
) -> Result:
    """The result of a look-up among `members` training images and `others` held out; where people
    are named, they are what is counted."""
    best = np.full(members + others, np.inf)
    np.minimum.at(best, pairs.rows, pairs.ratios)
    found = exposure(-best, np.arange(members + others) < members, seed, people)
    near = pairs.ratios <= NEAR
    copied = int((near & (pairs.rows < members)).sum())
    chance = (near & (pairs.rows >= members)).mean() * members / others
    unit = "images" if people is None else "people"
    says = (
        f"share of the fakes that nearly copy a training image in {where}; beside it a held-out "
        f"image, scaled to as many. Of the {found.top} {unit} closest to a fake "
        f"{found.members} were trained on"
    )
    _, low, high = clopper_pearson(copied, len(near))
    return Result(copied / len(near), low, high, float(chance), found.p, says)


def _pairs(rows: np.ndarray, distances: np.ndarray) -> Pairs:
    if distances.shape[1] < 2:  # one image has no surroundings
        return Pairs(rows[:, 0], np.ones(len(rows)))
    around = distances[:, 1:].mean(axis=1)
    ratios = distances[:, 0] / np.maximum(around, 1e-12)
    return Pairs(rows[:, 0], ratios)


def _sample(pixels: np.ndarray) -> Sample:
    return Sample(np.zeros((len(pixels), 0), np.float32), pixels)
