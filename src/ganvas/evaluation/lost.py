"""Classes of the real images that the fakes leave out, found without labels of the fakes.

A classifier that confuses classes shows some fakes of each, also of one that is missing. So its
mistakes on real images are counted, and a class is lost if it shows up too rarely for half of its
images to be there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..stats.intervals import wilson
from .base import Comparison, Sample
from .result import ClassShares

MOST = 5000
"""Most real images to learn from."""
FOLDS = 5
SURE = 1.64
"""Standard errors: one-sided 95 %."""
SEEN = 0.5
"""A class is judged if it is right in so many of the real images that are taken for it."""
FEWEST = 5
"""Fakes of a class that are expected if it is there."""
_RIDGE = 1.0


def lost_names(c: Comparison, names: Sequence[str], classes: ClassShares | None) -> tuple[str, ...]:
    """Names of the classes that are lost: by the labels of the real images, which have `names`; or
    without labels by the classes of the extractor."""
    if names:
        return tuple(str(names[one]) for one in lost_classes(c))
    if classes is None:
        return ()
    rows, count = zip(classes.names, classes.real, classes.fake, strict=True), len(c.fake)
    return tuple(
        name
        for name, real, fake in rows
        if real * count >= FEWEST and wilson(fake * count, count)[1] < real / 2
    )


def lost_classes(c: Comparison) -> tuple[int, ...]:
    """Classes that are less than half as frequent among fakes as among real images.

    A ridge classifier learns them from real images with labels, in features, by cross-fitting: the
    real images are classified by those that did not learn from them. With r, the share of real
    images that is taken for a class, and t, the share that is so rightly, the class is lost if
    the share of fakes is below r - t / 2 by 1.64 standard errors. None is lost without labels.

    Source: shares of classes by a classifier's confusions: Lipton et al. 2018, arXiv:1802.03916.
    """
    learnt = _learnt(c)
    if learnt is None:
        return ()
    features, labels = learnt
    classes = int(labels.max()) + 1
    middle, unit = features.mean(axis=0), features.std(axis=0) + 1e-6
    x, fake = (features - middle) / unit, (c.fake.features - middle) / unit
    dealt = np.random.default_rng([c.seed, 8]).permutation(len(x)) % FOLDS
    taken, shares = np.empty(len(x), np.int64), np.zeros(classes)
    for fold in range(FOLDS):
        weights = _ridge(x[dealt != fold], np.eye(classes)[labels[dealt != fold]])
        taken[dealt == fold] = (x[dealt == fold] @ weights).argmax(axis=1)
        found = (fake @ weights).argmax(axis=1)
        shares += np.bincount(found, minlength=classes) / (len(fake) * FOLDS)
    real = np.bincount(taken, minlength=classes) / len(x)
    right = np.bincount(taken[taken == labels], minlength=classes) / len(x)
    least = real - right / 2
    error = np.sqrt(shares * (1 - shares) / len(fake) + least * (1 - least) / len(x))
    judged = (right >= SEEN * real) & (right * len(fake) >= FEWEST)
    return tuple(np.flatnonzero(judged & (shares + SURE * error < least)).tolist())


def _learnt(c: Comparison) -> tuple[np.ndarray, np.ndarray] | None:
    """Features and labels of real images; None if there are fewer than two classes."""
    reals: list[Sample] = [one for one in (c.real, c.spare) if one is not None]
    known = [one for one in reals if one.labels is not None]
    if not known or not len(c.fake):
        return None
    features = np.concatenate([one.features for one in known]).astype(np.float64)
    labels = np.concatenate([one.labels for one in known if one.labels is not None])
    rows = np.random.default_rng([c.seed, 9]).permutation(len(labels))[:MOST]
    if len(rows) < 2 * FOLDS or len(np.unique(labels[rows])) < 2:
        return None
    return features[rows], labels[rows]


def _ridge(x: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Weights [D, K]; solved over images or features, whichever are fewer."""
    targets, strength = targets - 1 / targets.shape[1], _RIDGE * x.shape[1]
    if len(x) < x.shape[1]:
        return x.T @ np.linalg.solve(x @ x.T + strength * np.eye(len(x)), targets)
    return np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ targets)
