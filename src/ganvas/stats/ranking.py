"""How well scores rank, and how sure that is: measures that several kits share.

NumPy alone. Everywhere a higher score means "more likely positive" (defective, rare, member).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import UsageError

_lgamma = np.vectorize(math.lgamma)


class Interval(NamedTuple):
    """A value and the 95 % interval around it."""

    value: float
    low: float
    high: float


def auroc(negative: np.ndarray, positive: np.ndarray) -> float:
    """How often a positive scores above a negative; ties count half. Any shape, flattened.

    Source: Mann & Whitney 1947; Hanley & McNeil 1982.
    """
    negative, positive = _both(negative, positive)
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left").astype(np.float64)
    upto = np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / 2 / len(negative))


def average_precision(negative: np.ndarray, positive: np.ndarray) -> float:
    """Precision averaged over the recalls at which it changes; equal scores enter together.

    It moves with the share of positives: a random ranking has that share.
    """
    negative, positive = _both(negative, positive)
    hits, alarms = _counts(negative, positive)
    precision = hits / (hits + alarms)
    return float((np.diff(hits, prepend=0) * precision).sum() / len(positive))


def aupro(maps: np.ndarray, regions: np.ndarray, limit: float = 0.3) -> float:
    """Area under the per-region overlap, up to a share of flagged good pixels, scaled to 0..1.

    Each connected region counts the same, however large.

    Args:
        maps: scores by pixel, [N, H, W].
        regions: int [N, H, W]: 0 is good, each other number one region; see `components`.
        limit: of the false-alarm rate of good pixels.

    Source: Bergmann et al. 2021, International Journal of Computer Vision 129, "The MVTec AD
        dataset", section 5.
    """
    numbers, region = np.unique(regions.reshape(-1), return_inverse=True)
    if numbers[0] != 0 or len(numbers) < 2:
        raise UsageError("AUPRO needs good pixels and at least one defective region")
    sizes = np.bincount(region)
    order = np.argsort(-maps.reshape(-1), kind="stable")
    scores, region = maps.reshape(-1)[order], region[order]
    good = region == 0
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    rate = np.append(0.0, np.cumsum(good)[ends] / sizes[0])
    share = np.where(good, 0.0, 1 / sizes[region]) / (len(numbers) - 1)
    overlap = np.append(0.0, np.cumsum(share)[ends])
    inside = rate <= limit
    x, y = rate[inside], overlap[inside]
    if x[-1] < limit:  # cut the last stretch where the limit lies
        x, y = np.append(x, limit), np.append(y, np.interp(limit, rate, overlap))
    return float(np.trapezoid(y, x) / limit)


def components(masks: np.ndarray) -> np.ndarray:
    """Numbers the connected regions (8 neighbours) of boolean masks [N, H, W]: int32, 0 outside.

    Each pixel takes the highest number around it, then the number that the pixel of that number
    has by now: the way doubles with each pass.
    """
    own = np.arange(1, masks.size + 1, dtype=np.int64).reshape(masks.shape)
    labels = np.where(masks, own, 0)
    while True:
        wide = np.pad(labels, ((0, 0), (1, 1), (1, 1)))
        rows = np.maximum(np.maximum(wide[:, :-2], wide[:, 1:-1]), wide[:, 2:])
        highest = np.maximum(np.maximum(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])
        highest = np.where(masks, highest, 0)
        jumped = np.where(masks, highest.reshape(-1)[highest - 1], 0)
        if (jumped == labels).all():
            break
        labels = jumped
    _, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(masks.shape).astype(np.int32)
    return numbers if (~masks).any() else numbers + 1


def clopper_pearson(count: int, of: int, level: float = 0.95) -> Interval:
    """A rate with its exact interval: binomial tails of (1 - level) / 2 each.

    Source: Clopper & Pearson 1934, Biometrika 26.
    """
    if not 0 <= count <= of or of < 1:
        raise UsageError(f"{count} of {of} is no rate: 0 to {max(of, 1)} of at least 1 is")
    tail, k = (1 - level) / 2, np.arange(of + 1)
    ways = math.lgamma(of + 1) - _lgamma(k + 1) - _lgamma(of - k + 1)

    def share(p: float, part: slice) -> float:
        """Probability of these counts; by logarithms, since `of` may be large."""
        return np.exp(ways + k * math.log(p) + (of - k) * math.log1p(-p))[part].sum()

    low = 0.0 if count == 0 else _root(lambda p: share(p, slice(count, None)) - tail)
    high = 1.0 if count == of else _root(lambda p: tail - share(p, slice(count + 1)))
    return Interval(count / of, low, high)


def holm(p: dict[str, float]) -> dict[str, float]:
    """p-values that hold for all comparisons at once.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, p. 65.
    """
    adjusted: dict[str, float] = {}
    most = 0.0
    for place, name in enumerate(sorted(p, key=p.__getitem__)):
        most = max(most, min(1.0, (len(p) - place) * p[name]))
        adjusted[name] = most
    return {name: adjusted[name] for name in p}


def false_alarms(allowed: int, calibration: int, of: int, level: float = 0.95) -> tuple[int, int]:
    """How many of `of` new good images a conformal threshold flags, in `level` of all cases.

    With n calibration images and p = (1 + #{s_i >= s}) / (n + 1) <= alpha, the rate of a given
    calibration is Beta(l, n + 1 - l) with l = floor(alpha (n + 1)): the count is beta-binomial.

    Args:
        allowed: l.
        calibration: n.

    Returns: the smallest and largest count of the interval.
    Source: Vovk 2012, arXiv:1209.2673; Angelopoulos & Bates 2021, arXiv:2107.07511, section 3.2.
    """
    a, b = allowed, calibration + 1 - allowed
    k = np.arange(of + 1)
    log = (
        math.lgamma(of + 1) - _lgamma(k + 1) - _lgamma(of - k + 1)
        + _lgamma(k + a) + _lgamma(of - k + b) - math.lgamma(of + a + b)
        + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    )  # fmt: skip
    below = np.cumsum(np.exp(log))
    tail = (1 - level) / 2
    low, high = (int(np.searchsorted(below, share)) for share in (tail, 1 - tail))
    return low, min(of, high)


def bootstrap(
    measure: Callable[..., float], *samples: np.ndarray, seed: int = 0, times: int = 1000
) -> Interval:
    """A measure of samples with its 95 % percentile interval: each is redrawn with replacement.

    Source: Efron 1979, Annals of Statistics 7.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    values = [
        measure(*(one[rng.integers(0, len(one), len(one))] for one in samples))
        for _ in range(times)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(measure(*samples)), float(low), float(high))


def _both(negative: Sequence | np.ndarray, positive: Sequence | np.ndarray):
    both = [np.asarray(part, np.float64).reshape(-1) for part in (negative, positive)]
    for part, kind in zip(both, ("negative", "positive"), strict=True):
        if not len(part) or not np.isfinite(part).all():
            what = "not finite" if len(part) else "none"
            raise UsageError(f"the scores of {kind}s are {what}: finite ones of both are needed")
    return both


def _counts(negative: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives at or above each distinct score, from the highest down."""
    scores = np.concatenate([negative, positive]).astype(np.float64).reshape(-1)
    truth = np.repeat([False, True], [np.size(negative), np.size(positive)])
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    return np.cumsum(truth[order])[ends], np.cumsum(~truth[order])[ends]


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
