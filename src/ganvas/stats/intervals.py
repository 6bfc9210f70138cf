"""95 % confidence intervals of scores and rates.

A score is a sufficiently smooth function of two sets of independent images. The grouped jackknife
leaves out one random group of images at a time and measures the change of the score:

    variance = (G - 1) / G * sum_g (score without group g - their mean)^2, summed over both sets.

By the inequality of Efron and Stein (1981, Annals of Statistics 9, p. 586) it is on average no
smaller than the true variance, for any score. If both sets are real images, the linear part of the
Fréchet distance and KID vanishes and the estimate is about twice the true variance: the interval is
then too wide by a factor of up to 1.4, and valid. A bootstrap draws images twice, which changes a
Fréchet distance or a nearest neighbour by more than the width of the interval: it is not valid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy  # its parts are imported when they are first used

from ..errors import UsageError

GROUPS = 20
LEVEL = 0.95


class Interval(NamedTuple):
    """A value and the 95 % interval around it."""

    value: float
    low: float
    high: float


def wilson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a rate, valid near 0 and 1 (Wilson 1927, JASA 22, p. 209).

    Args:
        successes: of `n`; both may be fractions, if dependent images count as fewer.
    """
    if n <= 0:
        return 0.0, 1.0
    z = scipy.special.ndtri((1 + level) / 2)
    rate = successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if successes <= 0 else max(0.0, float(middle - half))
    return low, 1.0 if successes >= n else min(1.0, float(middle + half))


def clopper_pearson(count: int, of: int, level: float = LEVEL) -> Interval:
    """A rate with its exact interval: binomial tails of (1 - level) / 2 each.

    Source: Clopper & Pearson 1934, Biometrika 26.
    """
    if not 0 <= count <= of or of < 1:
        raise UsageError(f"a rate is a count in [0, n] of n >= 1, got {count} of {of}")
    tail, quantile = (1 - level) / 2, scipy.special.betaincinv
    low = float(quantile(count, of - count + 1, tail)) if count else 0.0
    high = float(quantile(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return Interval(count / of, low, high)


def student(freedom: int, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t, of at least one degree of freedom."""
    return float(scipy.special.stdtrit(max(1, freedom), (1 + level) / 2))


def false_alarms(allowed: int, calibration: int, of: int, level: float = LEVEL) -> tuple[int, int]:
    """The number of `of` new good images that a conformal threshold flags, in `level` of all cases.

    With n calibration images and p = (1 + #{s_i >= s}) / (n + 1) <= alpha, the rate of a given
    calibration is Beta(l, n + 1 - l) with l = floor(alpha (n + 1)): the count is beta-binomial.

    Args:
        allowed: l.
        calibration: n.

    Returns: the smallest and largest count of the interval.
    Source: Vovk 2012, arXiv:1209.2673; Angelopoulos & Bates 2021, arXiv:2107.07511, section 3.2.
    """
    count = scipy.stats.betabinom(of, allowed, calibration + 1 - allowed)
    low, high = count.ppf([(1 - level) / 2, (1 + level) / 2])
    return int(low), int(high)


def bootstrap(
    measure: Callable[..., float], *samples: np.ndarray, seed: int = 0, times: int = 1000
) -> Interval:
    """A measure of samples with its 95 % percentile interval; samples are drawn with replacement.

    Source: Efron 1979, Annals of Statistics 7.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    values = [
        measure(*(one[rng.integers(0, len(one), len(one))] for one in samples))
        for _ in range(times)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(measure(*samples)), float(low), float(high))


def deal(n: int, seed: int, groups: int = GROUPS) -> np.ndarray:
    """The group of each of `n` images: random groups of equal size, at most `n` -> int64 [n]."""
    order = np.random.default_rng([seed, n]).permutation(n)
    group = np.empty(n, np.int64)
    group[order] = np.arange(n) % max(1, min(groups, n))
    return group


def variance(without: np.ndarray) -> float:
    """Jackknife variance from the scores without each group, [G], or without each image, [N]."""
    without = np.asarray(without, np.float64)
    count = len(without)
    return float((count - 1) / count * np.square(without - without.mean()).sum()) if count else 0.0


def around(value: float, *without: np.ndarray, groups: int = 0) -> tuple[float, float]:
    """The interval of any score, symmetric about it.

    Args:
        without: scores without each group of the reals, and of the fakes.
        groups: number of groups for Student's degrees of freedom; 0: the length of `without`.
    """
    half = _quantile(without, groups) * math.sqrt(sum(map(variance, without)))
    return value - half, value + half


def rate(value: float, n: int, *without: np.ndarray) -> tuple[float, float]:
    """The interval of a rate over `n` images that depends on other images too.

    Wilson's interval for the number of independent images with the jackknife's variance, at most
    `n`. So it stays within 0 to 1, and has a width even if the variance is 0.
    """
    spread = sum(map(variance, without))
    enough = value * (1 - value) / spread if spread > 0 and 0 < value < 1 else n
    z = scipy.special.ndtri((1 + LEVEL) / 2)
    independent = min(enough * (z / _quantile(without, 0)) ** 2, n)
    return wilson(value * independent, independent)


def _quantile(without: tuple[np.ndarray, ...], groups: int) -> float:
    counts = [len(scores) for scores in without if len(scores) > 1]
    return student((groups or min(counts, default=2)) - 1)
