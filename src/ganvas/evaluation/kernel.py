"""KID: the kernel distance, unbiased at any number of images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..stats.intervals import LEVEL, student, variance
from . import manifold
from .base import Comparison, Sample, Score, drawn, once, real_for_fake


@dataclass(frozen=True)
class Own:
    """The kernel within one set without its diagonal: row sums [N] and the sum of squares."""

    rows: np.ndarray
    squares: float

    @property
    def mean(self) -> float:
        """Mean over all pairs of two images."""
        return float(self.rows.sum()) / (len(self.rows) * (len(self.rows) - 1))

    def without(self) -> np.ndarray:
        """`mean` without each image, [N]."""
        count = len(self.rows)
        return (self.rows.sum() - 2 * self.rows) / ((count - 1) * (count - 2))

    @property
    def noise(self) -> float:
        """Mean square of the doubly centred kernel: the variance that remains for equal sets."""
        count, means = len(self.rows), self.rows / (len(self.rows) - 1)
        total = self.squares - 2 * count * np.square(means).sum()
        return max(0.0, float(total + count * (count + 1) * self.mean**2) / (count * (count - 1)))


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared MMD of features [N, D] and [M, D] under (x . y / D + 1)^3, over all pairs.

    The kernel is computed in blocks to bound memory. Negative values occur for similar sets.

    Source: Binkowski et al. 2018, arXiv:1801.01401, section 4; Gretton et al. 2012, eq. 3.
    """
    across = sum(float(block.sum()) for _, block in _kernel(x, y))
    return _own(x).mean + _own(y).mean - 2 * across / (len(x) * len(y))


def kid(c: Comparison) -> Score:
    """`mmd2` of at most 10,000 random images of each kind, with the jackknife over single images.

    For equal sets the statistic is degenerate. The variance is therefore at least that of this
    limit, 2 (1 / n + 1 / m)^2 E k^2 of the centred kernel.
    """
    c = drawn(c)
    if min(len(c.real), len(c.fake)) < 3:
        return Score(None, why="fewer than 3 images of one kind: give more")
    real, fake = own(c.real), own(c.fake)
    count, others = len(c.real), len(c.fake)
    rows, columns = _across(c)
    total = rows.sum()
    value = real.mean + fake.mean - 2 * total / (count * others)
    without_real = real.without() - 2 * (total - rows) / ((count - 1) * others)
    without_fake = fake.without() - 2 * (total - columns) / ((others - 1) * count)
    limit = 2 * (math.sqrt(real.noise) / count + math.sqrt(fake.noise) / others) ** 2
    spread = max(variance(without_real) + variance(without_fake), limit)
    half = student(min(count, others) - 1, LEVEL) * math.sqrt(spread)
    return Score(float(value), float(value - half), float(value + half), _floor(c))


def _floor(c: Comparison) -> float | None:
    reals = real_for_fake(c)
    if reals is None:
        return None
    rows, _ = _across(reals)
    within = own(reals.real).mean + own(reals.fake).mean
    return float(within - 2 * rows.sum() / (len(reals.real) * len(reals.fake)))


@once
def own(sample: Sample) -> Own:
    return _own(sample.features)


def _own(x: np.ndarray) -> Own:
    rows, squares = np.zeros(len(x)), 0.0
    for part, block in _kernel(x, x, upper=True):
        size = len(block)
        np.fill_diagonal(block, 0)
        rows[part] += block.sum(axis=1)
        rows[part.stop :] += block[:, size:].sum(axis=0)
        beyond = block[:, size:].ravel()
        squares += float(np.square(block[:, :size]).sum() + 2 * (beyond @ beyond))
    return Own(rows, squares)


@once
def _across(c: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the kernel between reals and fakes, by real [N] and by fake [M]."""
    rows, columns = np.empty(len(c.real)), np.zeros(len(c.fake))
    for part, block in _kernel(c.real.features, c.fake.features):
        rows[part] = block.sum(axis=1)
        columns += block.sum(axis=0)
    return rows, columns


def _kernel(
    x: np.ndarray, y: np.ndarray, upper: bool = False
) -> Iterator[tuple[slice, np.ndarray]]:
    """The kernel in blocks of rows of x; `upper`: only columns from the first row of the block."""
    y = np.asarray(y, np.float64) / x.shape[1]
    for part in manifold.parts(len(x), len(y)):
        block = np.asarray(x[part], np.float64) @ y[part.start if upper else 0 :].T
        block += 1
        square = np.square(block)
        block *= square
        yield part, block
