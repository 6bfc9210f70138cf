"""Precision, recall, density, coverage: how two sets of features lie among each other.

All four ask whether an image lies in the ball around another one that reaches to its k-th nearest
neighbour in its own set. Every pair is looked at once, in blocks; radii, counts and nearest images
are kept, for the score and for each jackknife group left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..stats.intervals import around, deal, rate
from .base import Comparison, Sample, Score, drawn, once, real_for_fake

BLOCK = 2**20  # pairs at a time: 8 MB of distances; larger blocks are slower to allocate
K_PRECISION, K_DENSITY = 3, 5
# Neighbours kept: enough that 5 are left when a random twentieth of the images is left out.
_KEPT = 12
# Balls are closed. Distances that are equal but for rounding count as equal: a fake that is a
# copy of the k-th neighbour lies on the rim.
_RIM = 1 + 1e-9


@dataclass(frozen=True)
class Neighbours:
    """Of each image in its own set, itself left out.

    Attributes:
        squared: squared distances to the nearest ones, float64 [N, K], ascending.
        rows: which ones, int64 [N, K].
        total: sum of the distances to all others, float64 [N].
    """

    squared: np.ndarray
    rows: np.ndarray
    total: np.ndarray

    def radii(self, k: int, dealt: np.ndarray | None) -> np.ndarray:
        """Squared distance to the k-th neighbour, among all and without each group: [1 + G, N]."""
        last = min(k, self.squared.shape[1]) - 1
        if dealt is None:
            return self.squared[None, :, last]
        radii = [self.squared[:, last]]
        groups = dealt[self.rows]
        for group in range(dealt.max() + 1):
            left = np.cumsum(groups != group, axis=1)
            kth = np.where(left[:, -1] > last, np.argmax(left > last, axis=1), left.shape[1] - 1)
            radii.append(np.take_along_axis(self.squared, kth[:, None], axis=1)[:, 0])
        return np.stack(radii)


class Balls:
    """How many balls of one set each image of the other lies in, without each group in turn."""

    def __init__(self, radii: np.ndarray, dealt: np.ndarray | None, points: int) -> None:
        """Takes squared radii [1 + G, N] and the groups of their centres, int64 [N]."""
        self.radii = radii * _RIM
        self.widest = self.radii.max(axis=0)
        self.dealt = dealt
        self.counts = np.zeros((len(radii), points), np.int64)

    def add(self, centres: np.ndarray, points: np.ndarray, squared: np.ndarray) -> None:
        """Takes pairs in: rows of centres and points, and squared distances, [P] each."""
        width = self.counts.shape[1]
        for number, radii in enumerate(self.radii):
            inside = squared <= radii[centres]
            if number and self.dealt is not None:
                inside &= self.dealt[centres] != number - 1
            self.counts[number] += np.bincount(points[inside], minlength=width)


@dataclass(frozen=True)
class Across:
    """Reals and fakes among each other; first of all of them, then without each group.

    Attributes:
        precise: real balls (k = 3) that each fake lies in, int64 [1 + G, M].
        recalled: fake balls (k = 3) that each real lies in, int64 [1 + G, N].
        dense: real balls (k = 5) that each fake lies in, int64 [1 + G, M].
        radii: squared radii of the real balls (k = 5), [1 + G, N].
        nearest: the fake nearest to each real in each group of fakes, int64 [N, G].
        squared: how far it is, squared, [N, G].
        real_groups, fake_groups: the group of each image; None where none is left out.
    """

    precise: np.ndarray
    recalled: np.ndarray
    dense: np.ndarray
    radii: np.ndarray
    nearest: np.ndarray
    squared: np.ndarray
    real_groups: np.ndarray | None
    fake_groups: np.ndarray | None


def parts(rows: int, columns: int) -> Iterator[slice]:
    """Cuts rows so that a block has at most `BLOCK` entries."""
    step = max(1, BLOCK // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances of [N, D] to [M, D], float64 [B, M] at a time."""
    # Near the origin |x|^2 + |y|^2 - 2 x.y loses the fewest digits.
    centre = np.asarray(y, np.float64).mean(axis=0)
    y = np.asarray(y, np.float64) - centre
    lengths = np.einsum("ij,ij->i", y, y)
    for part in parts(len(x), len(y)):
        rows = np.asarray(x[part], np.float64) - centre
        own = np.einsum("ij,ij->i", rows, rows)
        block = (-2 * rows) @ y.T
        block += own[:, None]
        block += lengths
        # Equal images are at distance 0, not at what rounding leaves of it.
        block[block < 1e-13 * (own.max() + lengths.max())] = 0
        yield part, block


@once
def neighbours(sample: Sample) -> Neighbours:
    """The nearest images of each one within its set, in features."""
    x = sample.features
    kept = min(_KEPT, len(x) - 1)
    squared, rows, total = np.empty((len(x), kept)), np.empty((len(x), kept), int), []
    for part, block in distances(x, x):
        here = np.arange(part.start, part.stop)
        total.append(np.sqrt(block).sum(axis=1))
        block[here - part.start, here] = np.inf
        near = np.argpartition(block, kept - 1, axis=1)[:, :kept]
        found = np.take_along_axis(block, near, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        rows[part] = np.take_along_axis(near, order, axis=1)
        squared[part] = np.take_along_axis(found, order, axis=1)
    return Neighbours(squared, rows, np.concatenate(total))


@once
def across(c: Comparison) -> Across:
    """All that precision, recall, density, coverage and 1-NN need, with jackknife groups."""
    return _across(c, deal(len(c.real), c.seed), deal(len(c.fake), c.seed))


@once
def across_once(c: Comparison) -> Across:
    """The same without groups, for a floor."""
    return _across(c, None, None)


def _across(
    c: Comparison, real_groups: np.ndarray | None, fake_groups: np.ndarray | None
) -> Across:
    real, fake = neighbours(c.real), neighbours(c.fake)
    wide = real.radii(K_DENSITY, real_groups)
    precise = Balls(real.radii(K_PRECISION, real_groups), real_groups, len(c.fake))
    dense = Balls(wide, real_groups, len(c.fake))
    recalled = Balls(fake.radii(K_PRECISION, fake_groups), fake_groups, len(c.real))
    groups = np.zeros(len(c.fake), int) if fake_groups is None else fake_groups
    order = np.argsort(groups, kind="stable")
    edges = np.searchsorted(groups[order], np.arange(groups.max() + 2))
    nearest, squared = [], []
    for part, block in distances(c.real.features, c.fake.features[order]):
        slices = [block[:, a:b] for a, b in pairwise(edges)]
        rows = np.stack([a.argmin(axis=1) for a in slices], axis=1) + edges[:-1]
        squared.append(np.take_along_axis(block, rows, axis=1))
        nearest.append(order[rows])
        widest = np.maximum(dense.widest, precise.widest)[part, None]
        i, j = np.nonzero(block <= widest)
        for balls in (precise, dense):
            balls.add(i + part.start, order[j], block[i, j])
        i, j = np.nonzero(block <= recalled.widest[order])
        recalled.add(order[j], i + part.start, block[i, j])
    return Across(
        precise.counts, recalled.counts, dense.counts, wide,
        np.concatenate(nearest), np.concatenate(squared), real_groups, fake_groups,
    )  # fmt: skip


def left(values: np.ndarray, dealt: np.ndarray | None) -> np.ndarray:
    """Mean of values [N] over the images that are left without each group, [G]."""
    if dealt is None:
        return np.empty(0)
    sums, sizes = np.bincount(dealt, values), np.bincount(dealt)
    return (values.sum() - sums) / (len(values) - sizes)


def nearest_left(squared: np.ndarray) -> np.ndarray:
    """Column of the smallest of [N, G] without each column in turn -> int64 [N, G]."""
    order = np.argsort(squared, axis=1, kind="stable")[:, :2]
    columns = np.arange(squared.shape[1])
    return np.where(columns == order[:, :1], order[:, -1:], order[:, :1])


def precision(c: Comparison) -> Score:
    """Share of fakes within the real manifold: in a ball of a real one to its 3rd neighbour.

    At most 10,000 random images a side, as in all four.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 2.
    """
    c = drawn(c)
    return _scored(c, K_PRECISION, lambda a: _shares(a.precise > 0, a.fake_groups), len(c.fake))


def recall(c: Comparison) -> Score:
    """Share of reals within the fakes' manifold: `precision` with the sides exchanged.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 2.
    """
    c = drawn(c)
    return _scored(c, K_PRECISION, lambda a: _shares(a.recalled > 0, a.real_groups), len(c.real))


def density(c: Comparison) -> Score:
    """Real balls (to the 5th neighbour) that a fake lies in, over 5; about 1 for real images.

    Source: Naeem et al. 2020, arXiv:2002.09797, eq. 5.
    """
    return _scored(drawn(c), K_DENSITY, lambda a: _shares(a.dense / K_DENSITY, a.fake_groups))


def coverage(c: Comparison) -> Score:
    """Share of reals with a fake in their ball, which reaches to their 5th neighbour.

    Source: Naeem et al. 2020, arXiv:2002.09797, eq. 6.
    """
    c = drawn(c)
    return _scored(c, K_DENSITY, _covered, len(c.real))


Parts = tuple[float, np.ndarray, np.ndarray]  # a score; without each group of either set


def _scored(c: Comparison, k: int, read: Callable[[Across], Parts], images: int = 0) -> Score:
    """The score that `read` takes from a pass over all pairs; a rate over so many images, or not
    a rate."""
    fewest = min(len(c.real), len(c.fake))
    if fewest <= k:
        return Score(None, why=f"{fewest} images on one side, {k + 1} are needed: give more")
    value, *without = read(across(c))
    low, high = rate(value, images, *without) if images else around(value, *without)
    reals = real_for_fake(c)
    enough = reals is not None and min(len(reals.real), len(reals.fake)) > k
    floor = read(across_once(reals))[0] if enough else None
    return Score(value, max(0.0, low), high, floor)


def _shares(hits: np.ndarray, points: np.ndarray | None) -> Parts:
    """Means of hits per point [1 + G, M], and what they are without each group of points [M]."""
    return float(hits[0].mean()), hits[1:].mean(axis=1), left(hits[0], points)


def _covered(a: Across) -> Parts:
    radii, nearest = a.radii * _RIM, a.squared.min(axis=1)
    covered = nearest <= radii[0]
    if a.real_groups is None:
        return float(covered.mean()), np.empty(0), np.empty(0)
    others = [(nearest <= r)[a.real_groups != g].mean() for g, r in enumerate(radii[1:])]
    left_out = np.take_along_axis(a.squared, nearest_left(a.squared), axis=1)
    without_fakes = (left_out <= radii[0][:, None]).mean(axis=0)
    return float(covered.mean()), np.array(others), without_fakes
