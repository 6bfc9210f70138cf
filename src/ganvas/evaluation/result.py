"""What `evaluate` returns: typed values for Python, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..images import inline
from .base import Score
from .verdict import NOT_JUDGED, Verdict


@dataclass(frozen=True)
class GateResult:
    """Whether the scores satisfy the gate of the run's recipe.

    Attributes:
        passed: None without a gate.
        failed: a sentence for each bound that is not satisfied.
    """

    passed: bool | None
    failed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "failed": list(self.failed)}


@dataclass(frozen=True)
class ClassShares:
    """Share of each class, by the classifier of the feature extractor; shares sum to 1.

    Attributes:
        names: of the classes.
        real, fake: shares among real images and fakes, in the order of `names`.
    """

    names: tuple[str, ...]
    real: tuple[float, ...]
    fake: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"names": list(self.names), "real": list(self.real), "fake": list(self.fake)}


@dataclass(frozen=True)
class TruncationPoint:
    """Precision and recall of fakes whose noise was multiplied by `truncation`; None: no value."""

    truncation: float
    precision: float | None
    recall: float | None

    def to_dict(self) -> dict[str, float | None]:
        return {
            "truncation": self.truncation,
            "precision": self.precision,
            "recall": self.recall,
        }


@dataclass(frozen=True, eq=False)
class Grids:
    """Grids of images for a report, uint8 [H, W, C]; None: not available.

    Attributes:
        samples: fakes.
        reals: real images.
        neighbours: in each row a fake, then the training images nearest to it.
    """

    samples: np.ndarray | None = None
    reals: np.ndarray | None = None
    neighbours: np.ndarray | None = None


@dataclass(frozen=True)
class Evaluation:
    """Scores of generated images against real ones.

    Attributes:
        n_real, n_fake: images of each kind.
        features, features_sha256: name and checksum of the feature extractor.
        resize: to which size, and how, images were resized for it.
        scores: by name, in the order of `SCORES`.
        gate: verdict of the run's gate.
        classes: None if the extractor has no classes of these images.
        truncation: precision and recall for several truncations; empty for a folder of images.
        model: file of the model within the run; "" for a folder of images.
        evaluated: when, ISO 8601 with time zone.
        seconds: duration.
        verdict: what the images are, in a sentence.
        lost_classes: names of classes that are missing or rare among the fakes.
        pictures: for the report; `to_dict` leaves them out.
    """

    n_real: int
    n_fake: int
    features: str
    features_sha256: str
    resize: str
    scores: Mapping[str, Score]
    gate: GateResult
    classes: ClassShares | None
    truncation: tuple[TruncationPoint, ...]
    model: str
    evaluated: str
    seconds: float
    verdict: Verdict = NOT_JUDGED
    lost_classes: tuple[str, ...] = ()
    pictures: Grids = field(default_factory=Grids, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """What `ganvas evaluate --json` prints."""
        return {
            **self.verdict.to_dict(),
            "lost_classes": list(self.lost_classes),
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "features": self.features,
            "features_sha256": self.features_sha256,
            "resize": self.resize,
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
            "gate": self.gate.to_dict(),
            "classes": None if self.classes is None else self.classes.to_dict(),
            "truncation": [point.to_dict() for point in self.truncation],
            "model": self.model,
            "evaluated": self.evaluated,
            "seconds": self.seconds,
        }

    def _repr_html_(self) -> str:
        """For a notebook: the sentence, the scores, and fakes."""
        rows = [
            (name, _number(one.value), f"{_number(one.low)} to {_number(one.high)}",
             _number(one.floor))
            for name, one in self.scores.items() if one.value is not None
        ]  # fmt: skip
        facts = [
            ("compared", f"{self.n_fake:,} generated with {self.n_real:,} real images"),
            ("note", " ".join(self.verdict.notes)),
            ("gate", {True: "passed", False: "; ".join(self.gate.failed)}.get(
                self.gate.passed)),  # type: ignore[arg-type]
        ]  # fmt: skip
        head = ("score", "value", "95 % interval", "floor")
        return inline.card(self.verdict.sentence, facts, self.pictures.samples) + inline.table(
            head, rows
        )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
