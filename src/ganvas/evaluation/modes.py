"""Scores of classes and variety.

Classes are predicted by the classifier of the extractor, so the first three scores can only be
compared between results with the same extractor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..stats.intervals import around, deal, rate, wilson
from .base import Comparison, Sample, Score, drawn, real_for_fake
from .manifold import Across, across, across_once, left, nearest_left, neighbours

# A class is lost if it is less than a tenth as frequent among fakes as among real images. The
# bound is not 0, because errors of the classifier alone give a share above 0.
COVERED = 0.1
# Expected fakes of a class that is counted: with 5, it is absent by chance in 1 % of cases.
EXPECTED = 5
_NO_CLASSES = Score(None, why="these features have no classes: choose an extractor that has")


def classifier_score(c: Comparison) -> Score:
    """exp(mean KL(p(class | image) || p(class))): high for clear, evenly distributed classes.

    Floor: the score of the same number of real images, or of all if there are fewer.

    Source: Salimans et al. 2016, arXiv:1606.03498, section 4.
    Differs: the classifier of this extractor instead of Inception; all images at once, no splits.
    """
    fake, real = c.fake.probabilities, (c.spare or c.real).probabilities
    if fake is None or real is None:
        return _NO_CLASSES
    if min(len(fake), len(real)) < 2:
        return Score(None, why="fewer than 2 images of one kind: give more")
    value, without = _sureness(fake, c.seed)
    low, high = around(value, without)
    chosen = np.random.default_rng([c.seed, 5]).permutation(len(real))[: len(fake)]
    return Score(value, max(1.0, low), high, _sureness(real[chosen], c.seed)[0])


def class_chi2(c: Comparison) -> Score:
    """Cramér's V between the classes of fakes and real images: 0 for equal shares, 1 for no
    common class.

    V = sqrt(chi^2 / (N + M)) of the 2 x K table. Unlike chi^2, it does not grow with the number of
    images. By chance it is about sqrt((K - 1) / (N + M)), which the floor shows. The jackknife over
    single images has one value per class and kind.

    Source: Cramér 1946, Mathematical Methods of Statistics, 21.9.
    """
    counts = _class_counts(c.real, c.fake)
    if counts is None:
        return _NO_CLASSES
    if counts.sum(axis=1).min() < 2:
        return Score(None, why="fewer than 2 images of one kind: give more")
    value = float(_cramer(counts))
    low, high = around(value, *(_one_less(counts, side) for side in (0, 1)))
    reals = real_for_fake(c)
    split = None if reals is None else _class_counts(reals.real, reals.fake)
    floor = None if split is None else float(_cramer(split) * np.sqrt(split.sum() / counts.sum()))
    return Score(value, max(0.0, low), min(1.0, high), floor)


def modes(c: Comparison) -> Score:
    """Share of the real classes that are at least a tenth as frequent among fakes.

    Classes with fewer than 5 expected fakes are not counted. The ends of the interval count the
    classes that are covered at the low and the high end of Wilson's interval of their share.
    """
    counts = _class_counts(c.real, c.fake)
    if counts is None:
        return _NO_CLASSES
    values = _covered(counts)
    if values is None:
        why = f"no class is expected {EXPECTED} times among {len(c.fake)} fakes: give more"
        return Score(None, why=why)
    reals = real_for_fake(c)
    split = None if reals is None else _class_counts(reals.real, reals.fake)
    floor = None if split is None else _covered(split)
    return Score(*values, None if floor is None else floor[0])


def diversity(c: Comparison) -> Score:
    """Mean distance between two fakes over that between two real images, in features.

    1 is equal variety. At most 10,000 random images of each kind; the jackknife over single images.
    """
    c = drawn(c)
    if min(len(c.real), len(c.fake)) < 3:
        return Score(None, why="fewer than 3 images of one kind: give more")
    real, without_real = _apart(c.real)
    fake, without_fake = _apart(c.fake)
    if real <= 0 or without_real.min() <= 0:
        return Score(None, why="all real images are equal: there is no variety to compare with")
    low, high = around(fake / real, fake / without_real, without_fake / real)
    reals = real_for_fake(c)
    floor = None
    if reals is not None and min(len(reals.real), len(reals.fake)) > 2:
        among = _apart(reals.real)[0]
        floor = _apart(reals.fake)[0] / among if among > 0 else None
    return Score(fake / real, max(0.0, low), high, floor)


def knn_accuracy(c: Comparison) -> Score:
    """Accuracy on real images of a 1-NN classifier trained on fakes.

    Floor: trained on real images instead. At most 10,000 random images of each kind.

    Source: train on synthetic, test on real: Esteban et al. 2017, arXiv:1706.02633, section 4.1.
    """
    c = drawn(c)
    if c.real.labels is None or c.fake.labels is None:
        return Score(None, why="real images and fakes need labels: use a model with classes")
    if min(len(c.real), len(c.fake)) < 4:
        return Score(None, why="fewer than 4 images of one kind: give more")
    pairs = across(c)
    right = _right(c, pairs)
    best = np.take_along_axis(right, pairs.squared.argmin(axis=1)[:, None], axis=1)[:, 0]
    others = np.take_along_axis(right, nearest_left(pairs.squared), axis=1)
    value = float(best.mean())
    low, high = rate(value, len(c.real), left(best, pairs.real_groups), others.mean(axis=0))
    reals = real_for_fake(c)
    floor = None
    if reals is not None and reals.fake.labels is not None:
        floor = float(_right(reals, across_once(reals)).mean())
    return Score(value, low, high, floor)


def _sureness(probabilities: np.ndarray, seed: int) -> tuple[float, np.ndarray]:
    """The classifier score of [N, K], and its values without each group of images."""
    p = np.asarray(probabilities, np.float64)
    dealt = deal(len(p), seed)
    sizes = np.bincount(dealt)
    entropies = np.bincount(dealt, _plogp(p).sum(axis=1))
    sums = np.stack([p[dealt == group].sum(axis=0) for group in range(len(sizes))])

    def score(size: Any, entropy: Any, total: np.ndarray) -> np.ndarray:
        return np.exp(entropy / size - _plogp(total / np.expand_dims(size, -1)).sum(axis=-1))

    whole = entropies.sum(), sums.sum(axis=0)
    without = score(len(p) - sizes, whole[0] - entropies, whole[1] - sums)
    return float(score(len(p), *whole)), without


def _plogp(p: np.ndarray) -> np.ndarray:
    p = np.maximum(p, 0)  # rounding in a difference of sums
    return p * np.log(np.where(p > 0, p, 1))


def _class_counts(real: Sample, fake: Sample) -> np.ndarray | None:
    """Images per class, without classes that neither set has, int64 [2, K]."""
    if real.probabilities is None or fake.probabilities is None:
        return None
    classes = real.probabilities.shape[1]
    counts = np.stack(
        [
            np.bincount(p.argmax(axis=1), minlength=classes)
            for p in (real.probabilities, fake.probabilities)
        ]
    )
    return counts[:, counts.sum(axis=0) > 0]


def _cramer(counts: np.ndarray) -> np.ndarray:
    """Cramér's V of counts [..., 2, K] -> [...]."""
    sizes = counts.sum(axis=-1, keepdims=True)
    expected = counts.sum(axis=-2, keepdims=True) * (sizes / sizes.sum(axis=-2, keepdims=True))
    chi2 = (np.square(counts - expected) / np.maximum(expected, 1e-300)).sum(axis=(-2, -1))
    return np.sqrt(chi2 / sizes.sum(axis=(-2, -1)))


def _one_less(counts: np.ndarray, side: int) -> np.ndarray:
    """V without each image of one kind, [N]."""
    classes = np.flatnonzero(counts[side])
    less = np.repeat(counts[None], len(classes), axis=0)
    less[np.arange(len(classes)), side, classes] -= 1
    return np.repeat(_cramer(less), counts[side, classes])


def _covered(counts: np.ndarray) -> tuple[float, float, float] | None:
    """Share of covered classes, and the ends of its interval; None if no class is counted."""
    shares, fakes = counts[0] / max(1, counts[0].sum()), int(counts[1].sum())
    counted = shares * fakes >= EXPECTED
    if not counted.any():
        return None
    ends = np.array([wilson(count, fakes) for count in counts[1, counted]])
    least = COVERED * shares[counted]
    rates = counts[1, counted] / fakes
    value, low, high = (float((rate >= least).mean()) for rate in (rates, ends[:, 0], ends[:, 1]))
    return value, low, high


def _apart(sample: Sample) -> tuple[float, np.ndarray]:
    """Mean distance between two images of the set, and that without each image, [N]."""
    totals, count = neighbours(sample).total, len(sample)
    mean = totals.sum() / (count * (count - 1))
    return float(mean), (totals.sum() - 2 * totals) / ((count - 1) * (count - 2))


def _right(c: Comparison, pairs: Across) -> np.ndarray:
    """Whether the nearest fake of each group has the real image's class, float64 [N, G]."""
    real, fake = c.real.labels, c.fake.labels
    if real is None or fake is None:
        return np.zeros((0, 1))
    return (fake[pairs.nearest] == real[:, None]).astype(np.float64)
