"""What the fakes are good for, and what they betray about labels.

The classifier is ridge regression on random Fourier features of pixels (Rahimi and Recht 2007): it
has one answer, takes a second, and needs no tuning, so that differences are the data's.
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

FEATURES = 1000
MOST = 10_000
_RIDGE = 1e-2


class Ridge:
    """A classifier of small images: fit, then say.

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
    """Accuracy on held-out images of a classifier that learnt from the fakes alone; beside it, of
    one that learnt from as many training images."""
    labels, truth = case.labels, case.holdout.labels
    if labels is None or truth is None or case.train.labels is None or not case.names:
        return none("the fakes have no labels that the real images share")
    classes, count = len(case.names), min(MOST, len(case.fakes), len(case.train))
    if len(np.unique(labels[:count])) < 2:
        return none("the fakes are all of one class")
    rows = np.random.default_rng([case.seed, 32]).permutation(len(case.train))[:count]
    fake = Ridge(classes, case.seed).fit(case.small[:count], labels[:count])
    real = Ridge(classes, case.seed).fit(case.train.small[rows], case.train.labels[rows])
    held, truth = case.holdout.small[:MOST], truth[:MOST]
    right = int((fake.predict(held) == truth).sum())
    _, low, high = clopper_pearson(right, len(held))
    says = "accuracy on held-out images after learning from the fakes; beside it, from real images"
    beside = float((real.predict(held) == truth).mean())
    return Result(right / len(held), low, high, beside, None, says)


def inferred(case: Case, queries: Queries) -> Result:
    """Inference: the label of the nearest fake as a guess of an image's own label.

    It may be right, for that is what the fakes are for; it may not be right more often for images
    that were trained on. The test is Fisher's; of people, the share of each by permutation.
    """
    if case.labels is None or case.train.labels is None or case.holdout.labels is None:
        return none("there are no labels to infer")
    rows, _ = nearest(_sample(queries.small), _sample(case.small), 1)
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
    says = (
        "how often the nearest fake gives away the label of a training image; beside it, of others"
    )
    return Result(counts[0] / half, low, high, counts[1] / half, p, says)


def _sample(pixels: np.ndarray) -> Sample:
    return Sample(np.zeros((len(pixels), 0), np.float32), pixels)
