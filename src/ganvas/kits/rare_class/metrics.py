"""Scores of a classifier, class by class. NumPy only; shapes [N, C] and [N]."""

from __future__ import annotations

import numpy as np

from ...stats import ranking

BINS = 15


def recalls(guessed: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Share of each class that is found, float [C]; NaN for a class without images."""
    return _ratio(_hits(guessed, truth, classes), np.bincount(truth, minlength=classes))


def precisions(guessed: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Share of the predictions of each class that are right, float [C]; NaN without predictions."""
    return _ratio(_hits(guessed, truth, classes), np.bincount(guessed, minlength=classes))


def balanced_accuracy(guessed: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """The mean recall of the classes that have images (Brodersen et al. 2010, ICPR)."""
    return float(np.nanmean(recalls(guessed, truth, classes)))


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of one class against the rest, [N] both; NaN without one kind."""
    if positive.all() or not positive.any():
        return float("nan")
    return ranking.auroc(scores[~positive], scores[positive])


def auprc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Average precision of one class against the rest, [N] both; NaN without positives."""
    positive = np.asarray(positive, bool)
    if positive.all() or not positive.any():
        return 1.0 if positive.any() else float("nan")
    return ranking.average_precision(scores[~positive], scores[positive])


def brier(probabilities: np.ndarray, positive: np.ndarray) -> float:
    """Mean squared error of one class's probabilities [N] (Brier 1950)."""
    return float(np.square(probabilities - np.asarray(positive, float)).mean())


def calibration_error(
    probabilities: np.ndarray,
    positive: np.ndarray,
    bins: int = BINS,
    weights: np.ndarray | None = None,
) -> float:
    """How far one class's probabilities [N] are from the frequency of the class, on average.

    Equal-width bins, each weighted by its images: the expected calibration error of
    Guo et al. 2017, arXiv:1706.04599, taken for one class against the rest.

    Args:
        weights: of the images, such as those that give classes the shares they have elsewhere.
    """
    weights = np.ones(len(positive)) if weights is None else weights
    place = np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    expected = np.bincount(place, weights=probabilities * weights, minlength=bins)
    observed = np.bincount(place, weights=np.asarray(positive) * weights, minlength=bins)
    return float(np.abs(expected - observed)[count > 0].sum() / max(1e-12, weights.sum()))


def per_class(
    probabilities: np.ndarray, truth: np.ndarray, factors: np.ndarray
) -> dict[str, np.ndarray]:
    """All of the above for each class, float [C] each.

    Args:
        probabilities: [N, C].
        factors: thresholds, what probabilities are multiplied by for predictions, [C].
    """
    classes = probabilities.shape[1]
    guessed = (probabilities * factors).argmax(axis=1)
    one = [(probabilities[:, c], truth == c) for c in range(classes)]
    return {
        "recall": recalls(guessed, truth, classes),
        "precision": precisions(guessed, truth, classes),
        "auroc": np.array([auroc(*pair) for pair in one]),
        "auprc": np.array([auprc(*pair) for pair in one]),
        "ece": np.array([calibration_error(*pair) for pair in one]),
        "brier": np.array([brier(*pair) for pair in one]),
    }


def _hits(guessed: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(truth[guessed == truth], minlength=classes)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
