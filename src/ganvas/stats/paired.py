"""The difference of two arms: paired, by group, over seeds.

A difference has two sources of uncertainty.

* The images of the test: a paired bootstrap. Whole groups (such as people) are drawn with
  replacement within strata, the same for both arms. n - 1 are drawn of n and weighted by
  n / (n - 1), which leaves the variance unbiased for a small stratum (Rao and Wu 1988, JASA 83,
  p. 231). With five images that happen to be equal in both arms, the variance would be 0: so a
  stratum of few units gets two more, one in favour of each arm (Bonett and Price 2012, Journal of
  Educational and Behavioral Statistics 37, p. 479).
* The seed of the generator and the classifier: a bootstrap of five seeds would underestimate the
  variance, so this part is drawn from Student's t with S - 1 degrees of freedom, scaled by the
  standard error of the mean over seeds.

The sum of the two draws is the distribution of the difference (Fisher's conservative solution of
the Behrens-Fisher problem). Its quantiles are the interval and its tail beyond zero is the p-value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DRAWS = 4000
LEVEL = 0.95
FEW = 20  # units of a stratum
_PIECE = 100  # draws at a time


class Difference(NamedTuple):
    """Difference of two arms in a measure: mean over seeds, 95 % interval, two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


class Hits(NamedTuple):
    """Correct predictions of an arm, by test unit (image or group).

    Attributes:
        right: number of correctly classified images, float [S, U, C], per seed.
        there: number of images, float [U, C].
    """

    right: np.ndarray
    there: np.ndarray


def tally(guessed: np.ndarray, truth: np.ndarray, units: np.ndarray, classes: int) -> Hits:
    """Counts of correct predictions: `guessed` int [S, N], truth [N] and unit numbers [N]."""
    kinds, unit = np.unique(units, return_inverse=True)
    place = unit * classes + truth
    size = len(kinds) * classes
    right = [np.bincount(place, weights=row == truth, minlength=size) for row in guessed]
    shape = (len(kinds), classes)
    count = np.bincount(place, minlength=size).astype(float)
    return Hits(np.array(right).reshape(-1, *shape), count.reshape(shape))


def strata(count: np.ndarray) -> np.ndarray:
    """Units [U, C] -> the stratum of each, int [U]: the rarest class among its images.

    So each draw has about as many images of a rare class as the test.
    """
    rarity = count.sum(axis=0)
    return np.where(count > 0, rarity, np.inf).argmin(axis=1)


def difference(
    one: Hits, other: Hits, seed: int = 0, draws: int = DRAWS, level: float = LEVEL
) -> Difference:
    """The balanced accuracy of `one` minus that of `other`, on the same test units.

    Args:
        seed: of the draws.
        draws: of the distribution; p-values go down to 2 / (draws + 1).
    """
    apart = one.right - other.right  # [S, U, C]
    by_seed = _balanced(apart.sum(axis=1), one.there.sum(axis=0))
    rng = np.random.Generator(np.random.Philox([seed, 11]))
    moved = _resampled(*_with_pseudo_units(apart.mean(axis=0), one.there), rng, draws)
    return concluded(by_seed, moved, rng, level)


def concluded(
    by_seed: np.ndarray,
    moved: np.ndarray,
    rng: np.random.Generator,
    level: float = LEVEL,
    ends: tuple[float, float] = (-1.0, 1.0),
) -> Difference:
    """A difference from its values by seed [S] and its draws over test units [draws].

    Args:
        rng: of the draws of Student's t.
        ends: the lowest and the highest value that there can be.
    """
    seeds, draws = len(by_seed), len(moved)
    error = float(by_seed.std(ddof=1)) / np.sqrt(seeds) if seeds > 1 else 0.0
    drawn = moved + error * rng.standard_t(max(1, seeds - 1), draws)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]).clip(*ends)
    tail = 1 + min((drawn <= 0).sum(), (drawn >= 0).sum())
    p = min(1.0, 2 * tail / (draws + 1))
    return Difference(float(by_seed.mean()), float(low), float(high), float(p))


def _balanced(right: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Both [..., C] -> mean share over the classes that have images, [...]."""
    share = np.divide(right, count, out=np.full(np.broadcast(right, count).shape, np.nan),
                      where=count > 0)  # fmt: skip
    return np.nanmean(share, axis=-1)


def _with_pseudo_units(
    apart: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both [U, C] and strata [U], with two more units, one in favour of each arm, in each small
    stratum."""
    kind = strata(count)
    for c in np.unique(kind):
        own = count[kind == c, c]
        if len(own) < FEW:
            size = own.mean() * (np.arange(count.shape[1]) == c)
            apart = np.concatenate([apart, [size, -size]])
            count = np.concatenate([count, [size, size]])
            kind = np.concatenate([kind, [c, c]])
    return apart, count, kind


def _resampled(
    apart: np.ndarray, count: np.ndarray, kind: np.ndarray, rng: np.random.Generator, draws: int
) -> np.ndarray:
    """Draws of the difference [draws], from differences [U, C], images [U, C] and strata [U]."""
    kinds = [np.flatnonzero(kind == s) for s in np.unique(kind)]
    found = []
    for start in range(0, draws, _PIECE):
        size = min(_PIECE, draws - start)
        drawn = np.zeros((size, len(count)))
        for rows in kinds:
            drawn[:, rows] = weights(len(rows), size, rng)
        found.append(_balanced(drawn @ apart, drawn @ count))
    return np.concatenate(found)


def weights(units: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """How often each unit is drawn, scaled so that the variance is unbiased: [size, units]."""
    if units == 1:
        return np.ones((size, 1))
    drawn = rng.integers(units, size=(size, units - 1)) + units * np.arange(size)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units)
    return counts * (units / (units - 1))
