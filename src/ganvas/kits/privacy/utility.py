"""Utility of the fakes for a classifier, and what they leak about labels.

The classifier is ridge regression on random Fourier features of pixels (Rahimi and Recht 2007): it
is deterministic, takes a second, and needs no tuning, so that differences come from the data.
"""

from __future__ import annotations

import numpy as np
import scipy  # its parts are imported when they are first used

from ...evaluation.base import Sample
from ...evaluation.copies import nearest
from ...stats.exact import by_person, permuted
from ...stats.intervals import clopper_pearson
from .case import Case
from .membership import Queries
from .result import Result, none
from .risk import risk

FEATURES = 1000
MOST = 10_000
_RIDGE = 1e-2


class Ridge:
    """A classifier of small images: `fit`, then `predict`.

    Args:
        classes: how many.
        seed: of the features.
    """

    def __init__(self, classes: int, seed: int = 0):
        self.classes, self.seed = classes, seed

    def fit(self, images: np.ndarray, labels: np.ndarray) -> Ridge:
        """uint8 [N, h, w, C], int [N]."""
        x = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        rng = np.random.default_rng([self.seed, 31])
        some = x[rng.permutation(len(x))[:500]]
        squared = ((some[:, None] - some[None, :100]) ** 2).sum(-1)
        width = np.sqrt(max(float(np.median(squared)), 1e-6) / 2)
        self._w = rng.normal(0, 1 / width, (x.shape[1], FEATURES)).astype(np.float32)
        self._b = rng.uniform(0, 2 * np.pi, FEATURES).astype(np.float32)
        phi = self._features(images)
        target = np.eye(self.classes, dtype=np.float32)[labels]
        gram = phi.T @ phi + _RIDGE * np.eye(phi.shape[1], dtype=np.float32)
        self._solution = np.linalg.solve(gram, phi.T @ target)
        return self

    def predict(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, h, w, C] -> int [N]."""
        return (self._features(images) @ self._solution).argmax(axis=1)

    def _features(self, images: np.ndarray) -> np.ndarray:
        x = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
        phi = np.cos(x @ self._w + self._b)
        return np.concatenate([phi, np.ones((len(x), 1), np.float32)], axis=1)


def of_labels(case: Case) -> Result:
    """Accuracy on held-out images of a classifier trained on the fakes alone; for comparison, of
    one trained on as many training images."""
    labels, truth = case.labels, case.holdout.labels
    if labels is None or truth is None or case.train.labels is None or not case.names:
        return none("the generated images have no labels that the real images share")
    classes, count = len(case.names), min(MOST, len(case.fakes), len(case.train))
    if len(np.unique(labels[:count])) < 2:
        return none("the generated images are all of one class")
    rows = np.random.default_rng([case.seed, 32]).permutation(len(case.train))[:count]
    fake = Ridge(classes, case.seed).fit(case.small[:count], labels[:count])
    real = Ridge(classes, case.seed).fit(case.train.small[rows], case.train.labels[rows])
    held, truth = case.holdout.small[:MOST], truth[:MOST]
    right = int((fake.predict(held) == truth).sum())
    _, low, high = clopper_pearson(right, len(held))
    meaning = (
        "accuracy on held-out images of a classifier trained on the generated images; for "
        "comparison, on real images"
    )
    by_real = float((real.predict(held) == truth).mean())
    return Result(right / len(held), low, high, by_real, None, meaning)


def inferred(case: Case, queries: Queries) -> Result:
    """Inference: the label of the nearest fake as a prediction of an image's own label.

    It may be right, because the fakes resemble their class; it may not be right more often for
    training images. The test is Fisher's; for people, a permutation of the share of each.
    """
    if case.labels is None or case.train.labels is None or case.holdout.labels is None:
        return none("there are no labels to infer")
    rows, _ = nearest(Sample.of_pixels(queries.small), Sample.of_pixels(case.small), 1)
    own = np.concatenate([case.train.labels[queries.train], case.holdout.labels[queries.holdout]])
    right = case.labels[rows[:, 0]] == own
    half = len(queries.train)
    counts = int(right[:half].sum()), int(right[half:].sum())
    _, low, high = clopper_pearson(counts[0], half)
    p = float(scipy.stats.hypergeom.sf(counts[0] - 1, 2 * half, half, sum(counts)))
    if queries.people is not None:
        who = queries.people
        members, others = by_person(right[:half], who[:half]), by_person(right[half:], who[half:])
        p = permuted(members, others, case.seed)
    meaning = (
        "how often the nearest generated image reveals the label of a training image; for "
        "comparison, of a held-out image"
    )
    more = {
        "risk": risk(counts[0], half, counts[1], half, "images"),
        "statistic": "the label of training images is guessed more often than that of others",
    }
    return Result(counts[0] / half, low, high, counts[1] / half, p, meaning, more=more)
