"""The scores by name: what each computes, which way is better, and what it says in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import ConfigError, no_such
from .base import Comparison, Score, Scorer
from .copies import duplicates, near_copies
from .frechet import frechet
from .kernel import kid
from .manifold import coverage, density, precision, recall
from .modes import class_chi2, classifier_score, diversity, knn_accuracy, modes


class Entry(NamedTuple):
    """A score of the table.

    Attributes:
        better: "lower" or "higher".
        says: what it tells, for a report.
    """

    scorer: Scorer
    better: str
    says: str


SCORES: dict[str, Entry] = {
    "frechet": Entry(frechet, "lower", "how far the fakes as a whole are from the real images"),
    "kid": Entry(kid, "lower", "the same by a kernel, fair with few images; 0 is real"),
    "precision": Entry(precision, "higher", "share of the fakes that could pass for real"),
    "recall": Entry(recall, "higher", "share of the real images that the generator could make"),
    "density": Entry(density, "higher", "how deep fakes lie among real images; real is about 1"),
    "coverage": Entry(coverage, "higher", "share of the real images with a fake close by"),
    "diversity": Entry(diversity, "higher", "how varied the fakes are; as real is 1"),
    "duplicates": Entry(duplicates, "lower", "share of the fakes that have a near-twin"),
    "near_copies": Entry(near_copies, "lower", "share of the fakes that copy a training image"),
    "modes": Entry(modes, "higher", "share of the classes that the fakes show"),
    "class_chi2": Entry(class_chi2, "lower", "how far the shares of the classes are off, 0 to 1"),
    "classifier_score": Entry(
        classifier_score, "higher", "how clear and how evenly spread the classes are"
    ),
    "knn_accuracy": Entry(
        knn_accuracy, "higher", "share of the real images that a 1-NN taught by fakes gets right"
    ),
}  # fmt: skip


def score(c: Comparison, names: Sequence[str] | None = None) -> dict[str, Score]:
    """The scores of these names, of all where there are none, in the order of the table.

    What several of them need, as distances between features, is computed once. What cannot be
    computed has no value and says why.

    Raises: ConfigError for a name that is not in the table.
    """
    for name in names or ():
        if name not in SCORES:
            raise ConfigError(no_such("score", name, SCORES))
    return {name: entry.scorer(c) for name, entry in SCORES.items() if not names or name in names}
