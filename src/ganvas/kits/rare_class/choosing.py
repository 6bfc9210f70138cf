"""Choices that are made on validation folds, before the test part is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ...stats import ranking
from . import metrics
from .parts import Material, Part
from .plan import Plan


class Predicted(Protocol):
    """Predictions of one fit, see `study.Predictions`."""

    @property
    def valid(self) -> np.ndarray: ...


class Study(Protocol):
    """What choices need of a study, see `study.Study`."""

    plan: Plan
    material: Material

    def fold(self, seed: int) -> tuple[Part, Part]: ...
    def predictions(self, seed: int, arm: str, setting: float) -> Predicted: ...


def auroc(scores: np.ndarray, truth: np.ndarray, rare: Sequence[int]) -> float:
    """Mean over the rare classes, each against the rest; of those that have images of both kinds.

    Shapes: [N, C] and [N].
    """
    found = [
        ranking.auroc(scores[truth != c, c], scores[truth == c, c])
        for c in rare
        if 0 < (truth == c).sum() < len(truth)
    ]
    return float(np.mean(found)) if found else 0.5


def validated(study: Study, arm: str, setting: float) -> float:
    """The mean of AUROC over the validation folds: scores of different fits are not mixed."""
    rare = study.material.rare
    return float(np.mean([
        auroc(study.predictions(seed, arm, setting).valid, study.fold(seed)[1].labels, rare)
        for seed in range(study.plan.seeds)
    ]))  # fmt: skip


def chosen(study: Study, arm: str) -> float:
    """The setting of an arm that is best on validation; of equal ones the lowest."""
    settings = study.plan.settings(arm)
    if len(settings) == 1:
        return settings[0]
    return max(settings, key=lambda setting: (validated(study, arm, setting), -setting))


def pooled(study: Study, arm: str, setting: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels of all validation folds together."""
    found = [study.predictions(seed, arm, setting).valid for seed in range(study.plan.seeds)]
    truth = [study.fold(seed)[1].labels for seed in range(study.plan.seeds)]
    return np.concatenate(found), np.concatenate(truth)


def factors(scores: np.ndarray, truth: np.ndarray, rare: Sequence[int]) -> np.ndarray:
    """The threshold of an arm: what the probabilities of the rare classes are multiplied by before
    the largest is taken, so that balanced accuracy on validation is highest: float [C].

    With two classes this is a threshold on the probability of the rare one.
    """
    classes = scores.shape[1]
    found = np.ones(classes)
    for c in rare:
        others = np.delete(scores * found, c, axis=1).max(axis=1)
        ratio = np.sort(others / np.maximum(scores[:, c], 1e-12))
        between = np.unique(np.quantile(ratio, np.linspace(0.0, 1.0, 201)))
        tried = np.append(np.sqrt(between[1:] * between[:-1]), 1.0)
        levels = [_accuracy(scores, truth, found, c, factor) for factor in tried]
        found[c] = tried[levels.index(max(levels))]
    return found


def _accuracy(
    scores: np.ndarray, truth: np.ndarray, found: np.ndarray, c: int, factor: float
) -> tuple[float, float]:
    tried = found.copy()
    tried[c] = factor
    guessed = (scores * tried).argmax(axis=1)
    closeness = -abs(float(np.log(max(factor, 1e-12))))
    return metrics.balanced_accuracy(guessed, truth, len(found)), closeness


def thresholds(
    scores: np.ndarray, truth: np.ndarray, c: int, specificities: Sequence[float]
) -> list[float]:
    """Probabilities of a class above which validation has these specificities."""
    rest = np.sort(scores[truth != c, c])
    places = [min(len(rest) - 1, int(np.ceil(s * len(rest))) - 1) for s in specificities]
    return [float(rest[place]) for place in places]
