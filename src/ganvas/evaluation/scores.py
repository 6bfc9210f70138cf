"""The table of scores: function, direction and meaning of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..base.progress import stage
from ..errors import ConfigError, no_such
from .base import Comparison, Score, Scorer
from .copies import duplicates, near_copies
from .detail import detail
from .frechet import frechet
from .kernel import kid
from .manifold import coverage, density, precision, recall
from .modes import class_chi2, classifier_score, diversity, knn_accuracy, modes


class Entry(NamedTuple):
    """A score of the table.

    Attributes:
        better: "lower", "higher", or the value that is best.
        meaning: one line for a report.
    """

    scorer: Scorer
    better: str
    meaning: str


SCORES: dict[str, Entry] = {
    "coverage": Entry(coverage, "higher", "share of the real images with a fake near them"),
    "kid": Entry(kid, "lower", "distance of the distributions, unbiased for few images; 0 is real"),
    "frechet": Entry(frechet, "lower", "distance of the distributions; needs thousands of images"),
    "recall": Entry(recall, "higher", "share of the real images within the region of the fakes"),
    "precision": Entry(
        precision,
        "higher",
        "share of the fakes within the region of real images; also high near its middle (blur)",
    ),
    "density": Entry(
        density, "higher", "how many real images are near a fake; above 1: near the middle"
    ),
    "diversity": Entry(diversity, "1", "variety of the fakes over that of real images"),
    "detail": Entry(detail, "1", "fine detail of the fakes over that of real images"),
    "duplicates": Entry(duplicates, "lower", "share of the fakes that have a near-duplicate"),
    "near_copies": Entry(
        near_copies, "lower", "share of the fakes that nearly copy a training image"
    ),
    "modes": Entry(modes, "higher", "share of the classes that the fakes show"),
    "class_chi2": Entry(class_chi2, "lower", "difference of the class frequencies, 0 to 1"),
    "classifier_score": Entry(
        classifier_score, "higher", "how clear and evenly distributed the classes are"
    ),
    "knn_accuracy": Entry(
        knn_accuracy, "higher", "accuracy on real images of a 1-NN classifier trained on fakes"
    ),
}
"""Every score: its function, whether higher or lower is better, and its meaning."""


def check_names(names: Iterable[str]) -> None:
    """Raises: ConfigError: no score has this name."""
    for name in names:
        if name not in SCORES:
            raise ConfigError(no_such("score", name, SCORES))


def score(c: Comparison, names: Sequence[str] | None = None) -> dict[str, Score]:
    """The scores with these names (None: all), in the order of the table.

    Work that several scores share, such as distances between features, is done once. A score
    that cannot be computed has no value and a reason.

    Raises: ConfigError for a name that is not in the table.
    """
    check_names(names or ())
    chosen = {name: entry for name, entry in SCORES.items() if not names or name in names}
    found = {}
    with stage("scoring", len(chosen), "scores") as scoring:
        for name, entry in chosen.items():
            found[name] = entry.scorer(c)
            scoring.advance()
    return found
