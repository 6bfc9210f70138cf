"""Quality of a ranking by scores: AUROC, average precision, AUPRO.

Everywhere a higher score means "more likely positive" (defective, rare, member).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy  # its parts are imported when they are first used

from ..errors import UsageError


def auroc(negative: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive scores above a negative; ties count half. Any shape, flattened.

    Source: Mann & Whitney 1947; Hanley & McNeil 1982.
    """
    negative, positive = _both("AUROC", negative, positive)
    return above(positive, negative)


def above(a: np.ndarray, b: np.ndarray) -> float:
    """Probability that a number of `a` is greater than one of `b`; equal ones count half."""
    ordered = np.sort(b)
    below, upto = (np.searchsorted(ordered, a, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(b))


def average_precision(negative: np.ndarray, positive: np.ndarray) -> float:
    """Precision averaged over the recalls at which it changes; equal scores enter together.

    It depends on the share of positives, which is its value for a random ranking.
    """
    negative, positive = _both("average precision", negative, positive)
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
        only = "defective" if numbers[0] != 0 else "good"
        raise UsageError(
            f"AUPRO needs good pixels and at least one defective region, got only {only} pixels"
        )
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
    if x[-1] < limit:  # interpolate the last point at the limit
        x, y = np.append(x, limit), np.append(y, np.interp(limit, rate, overlap))
    return float(scipy.integrate.trapezoid(y, x) / limit)


def components(masks: np.ndarray) -> np.ndarray:
    """Numbers the connected regions (8 neighbours) of boolean masks [N, H, W]: int32, 0 outside."""
    near = np.zeros((3, 3, 3), bool)
    near[1] = True  # regions do not continue in the next mask
    return scipy.ndimage.label(masks, near)[0]


def _both(
    score: str, negative: Sequence[float] | np.ndarray, positive: Sequence[float] | np.ndarray
) -> list[np.ndarray]:
    both = [np.asarray(part, np.float64).reshape(-1) for part in (negative, positive)]
    for part, kind in zip(both, ("negative", "positive"), strict=True):
        if not len(part) or not np.isfinite(part).all():
            what = "values that are not finite" if len(part) else f"no {kind}s"
            raise UsageError(f"{score} needs finite scores of positives and negatives, got {what}")
    return both


def _counts(negative: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives at or above each distinct score, from the highest down."""
    scores = np.concatenate([negative, positive]).astype(np.float64).reshape(-1)
    truth = np.repeat([False, True], [np.size(negative), np.size(positive)])
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    return np.cumsum(truth[order])[ends], np.cumsum(~truth[order])[ends]
