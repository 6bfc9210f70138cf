"""95 % intervals that hold, and what real images score in the fakes' place.

A score is a smooth enough function of two sets of independent images. The grouped jackknife leaves
out one random group of images at a time and looks at how far the score moves:

    variance = (G - 1) / G * sum_g (score without group g - their mean)^2, summed over both sets.

By the inequality of Efron and Stein (1981, Annals of Statistics 9, p. 586) it is on average no
smaller than the true variance, whatever the score. Where real images meet real ones, the Fréchet
distance and KID lose their linear part and the estimate is about twice the truth: the interval is
then too wide by up to 1.4, and holds. A bootstrap draws images twice, which moves a Fréchet
distance or a nearest neighbour by more than the interval is wide: it never holds there.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

GROUPS = 20
LEVEL = 0.95


def wilson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a rate, valid near 0 and 1 (Wilson 1927, JASA 22, p. 209).

    Args:
        successes: of `n`; both may be fractions, where images count as fewer independent ones.
    """
    if n <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + level) / 2)
    rate = successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if successes <= 0 else max(0.0, float(middle - half))
    return low, 1.0 if successes >= n else min(1.0, float(middle + half))


def student(freedom: int, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t, to 0.3 % from 4 degrees of freedom on.

    Source: Abramowitz and Stegun 1964, 26.7.5; closed forms for one and two degrees.
    """
    if freedom <= 1:
        return math.tan(math.pi * level / 2)
    if freedom == 2:
        return level * math.sqrt(2 / (1 - level**2))
    z = NormalDist().inv_cdf((1 + level) / 2)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def deal(n: int, seed: int, groups: int = GROUPS) -> np.ndarray:
    """Deals images at random into equal groups, at most `n` of them -> int64 [n]."""
    order = np.random.default_rng([seed, n]).permutation(n)
    dealt = np.empty(n, np.int64)
    dealt[order] = np.arange(n) % max(1, min(groups, n))
    return dealt


def variance(without: np.ndarray) -> float:
    """Jackknife variance from the scores without each group, [G], or without each image, [N]."""
    without = np.asarray(without, np.float64)
    count = len(without)
    return float((count - 1) / count * np.square(without - without.mean()).sum()) if count else 0.0


def around(value: float, *without: np.ndarray, groups: int = 0) -> tuple[float, float]:
    """The interval of any score, symmetric about it.

    Args:
        without: scores without each group of the reals, and of the fakes.
        groups: to take Student's degrees of freedom from; 0 counts `without`.
    """
    half = _quantile(without, groups) * math.sqrt(sum(map(variance, without)))
    return value - half, value + half


def rate(value: float, n: int, *without: np.ndarray) -> tuple[float, float]:
    """The interval of a rate over `n` images that depends on other images too.

    Wilson's, of as many independent images as would vary as much as the jackknife says; never of
    more than `n`. So it stays within 0 to 1, and has a width where nothing varies.
    """
    spread = sum(map(variance, without))
    enough = value * (1 - value) / spread if spread > 0 and 0 < value < 1 else n
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    independent = min(enough * (z / _quantile(without, 0)) ** 2, n)
    return wilson(value * independent, independent)


def _quantile(without: tuple[np.ndarray, ...], groups: int) -> float:
    counts = [len(scores) for scores in without if len(scores) > 1]
    return student((groups or min(counts, default=2)) - 1)
