"""Precision, recall, density, coverage: how two sets of features overlap.

All four count images that lie in the ball around another image, whose radius is the distance to
its k-th nearest neighbour in its own set. Every pair is visited once, in blocks; radii, counts and
nearest images are stored, for the score and for each jackknife group that is left out.
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
# Stored neighbours: enough that 5 remain when a random twentieth of the images is left out.
_KEPT = 12
# Balls are closed. Distances that differ only by rounding count as equal: a fake that is a
# copy of the k-th neighbour lies on the surface.
_RIM = 1 + 1e-9


@dataclass(frozen=True)
class Neighbours:
    """Nearest neighbours of each image in its own set, without itself.

    Attributes:
        squared: squared distances to the nearest ones, float64 [N, K], ascending.
        rows: their rows, int64 [N, K].
        total: sum of the distances to all others, float64 [N].
    """

    squared: np.ndarray
    rows: np.ndarray
    total: np.ndarray

    def radii(self, k: int, dealt: np.ndarray | None) -> np.ndarray:
        """Squared distance to the k-th neighbour: of all, then without each group, [1 + G, N]."""
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
    """Number of balls of one set that contain each image of the other, also without each group."""

    def __init__(self, radii: np.ndarray, dealt: np.ndarray | None, points: int) -> None:
        """Args: radii: squared, [1 + G, N]; dealt: the groups of the centres, int64 [N]."""
        self.radii = radii * _RIM
        self.widest = self.radii.max(axis=0)
        self.dealt = dealt
        self.counts = np.zeros((len(radii), points), np.int64)

    def add(self, centres: np.ndarray, points: np.ndarray, squared: np.ndarray) -> None:
        """Add pairs: rows of centres and points, and squared distances, [P] each."""
        width = self.counts.shape[1]
        for number, radii in enumerate(self.radii):
            inside = squared <= radii[centres]
            if number and self.dealt is not None:
                inside &= self.dealt[centres] != number - 1
            self.counts[number] += np.bincount(points[inside], minlength=width)


@dataclass(frozen=True)
class Across:
    """Counts and distances between real images and fakes: of all, then without each group.

    Attributes:
        precise: number of real balls (k = 3) that contain each fake, int64 [1 + G, M].
        recalled: number of fake balls (k = 3) that contain each real image, int64 [1 + G, N].
        dense: number of real balls (k = 5) that contain each fake, int64 [1 + G, M].
        radii: squared radii of the real balls (k = 5), [1 + G, N].
        nearest: the nearest fake of each real image in each group of fakes, int64 [N, G].
        squared: its squared distance, [N, G].
        real_groups, fake_groups: the group of each image; None without a jackknife.
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
    """Slices of rows with at most `BLOCK` entries each."""
    step = max(1, BLOCK // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances of [N, D] to [M, D], float64 [B, M] at a time."""
    # Centred features lose the fewest digits in |x|^2 + |y|^2 - 2 x.y.
    centre = np.asarray(y, np.float64).mean(axis=0)
    y = np.asarray(y, np.float64) - centre
    lengths = np.einsum("ij,ij->i", y, y)
    for part in parts(len(x), len(y)):
        rows = np.asarray(x[part], np.float64) - centre
        own = np.einsum("ij,ij->i", rows, rows)
        block = (-2 * rows) @ y.T
        block += own[:, None]
        block += lengths
        # Rounding must not give equal images a distance above 0.
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
    """The input of precision, recall, density, coverage and 1-NN, with jackknife groups."""
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
    """Mean of values [N] over the images that remain without each group, [G]."""
    if dealt is None:
        return np.empty(0)
    sums, sizes = np.bincount(dealt, values), np.bincount(dealt)
    return (values.sum() - sums) / (len(values) - sizes)


def nearest_left(squared: np.ndarray) -> np.ndarray:
    """Column of the minimum of [N, G] without each column in turn -> int64 [N, G]."""
    order = np.argsort(squared, axis=1, kind="stable")[:, :2]
    columns = np.arange(squared.shape[1])
    return np.where(columns == order[:, :1], order[:, -1:], order[:, :1])


def precision(c: Comparison) -> Score:
    """Share of fakes in the real manifold: in a ball of a real image up to its 3rd neighbour.

    At most 10,000 random images of each kind, as in all four.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 2.
    """
    c = drawn(c)
    return _scored(c, K_PRECISION, lambda a: _shares(a.precise > 0, a.fake_groups), len(c.fake))


def recall(c: Comparison) -> Score:
    """Share of real images in the manifold of the fakes: `precision` with exchanged roles.

    Source: Kynkäänniemi et al. 2019, arXiv:1904.06991, eq. 2.
    """
    c = drawn(c)
    return _scored(c, K_PRECISION, lambda a: _shares(a.recalled > 0, a.real_groups), len(c.real))


def density(c: Comparison) -> Score:
    """Mean number of real balls (5th neighbour) that contain a fake, over 5; real is about 1.

    Source: Naeem et al. 2020, arXiv:2002.09797, eq. 5.
    """
    return _scored(drawn(c), K_DENSITY, lambda a: _shares(a.dense / K_DENSITY, a.fake_groups))


def coverage(c: Comparison) -> Score:
    """Share of real images with a fake in their ball up to their 5th neighbour.

    Source: Naeem et al. 2020, arXiv:2002.09797, eq. 6.
    """
    c = drawn(c)
    return _scored(c, K_DENSITY, _covered, len(c.real))


Parts = tuple[float, np.ndarray, np.ndarray]  # a score; its values without each group of a set


def _scored(c: Comparison, k: int, read: Callable[[Across], Parts], images: int = 0) -> Score:
    """The score that `read` computes from all pairs; `images`: if it is a rate, of how many."""
    fewest = min(len(c.real), len(c.fake))
    if fewest <= k:
        return Score(
            None, why=f"{fewest} images of one kind are too few, {k + 1} are needed: give more"
        )
    value, *without = read(across(c))
    low, high = rate(value, images, *without) if images else around(value, *without)
    reals = real_for_fake(c)
    enough = reals is not None and min(len(reals.real), len(reals.fake)) > k
    floor = read(across_once(reals))[0] if enough else None
    return Score(value, max(0.0, low), high, floor)


def _shares(hits: np.ndarray, points: np.ndarray | None) -> Parts:
    """Mean of hits per point [1 + G, M], and the means without each group of points [M]."""
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
