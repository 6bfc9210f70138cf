"""What `tune` returns: typed values for Python, and the same as JSON. Needs no Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.finite import finite


@dataclass(frozen=True)
class TrialResult:
    """One finished trial.

    Attributes:
        number: of the trial in the study.
        value: its last score, lower is better; None if it was stopped early.
        why: the reason for which it was stopped early; None if it was trained to its end.
        scores: in order of training.
        values: recipe values by dotted key.
        run: name of its folder within `trials/`.
        copies: the share of near-copies of training images among its last images, less what is
            allowed: trials with more come after those with less, whatever their score.
    """

    number: int
    value: float | None
    why: str | None
    scores: tuple[float, ...]
    values: Mapping[str, Any]
    run: str | None
    copies: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "value": finite(self.value),
            "why": self.why,
            "scores": [finite(score) for score in self.scores],
            "values": dict(self.values),
            "run": self.run,
            "copies": finite(self.copies),
        }


@dataclass(frozen=True)
class BestTrial:
    """The trial with the lowest score: its number, score, and recipe values by dotted key."""

    trial: int
    value: float
    values: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {"trial": self.trial, "value": finite(self.value), "values": dict(self.values)}


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference of scores, best minus default, paired by seed.

    Attributes:
        difference, low, high: the mean and its 95 % interval (Student's t). None if a run
            diverged; no interval for one seed.
        verdict: "helps", "no evidence" or "hurts".
    """

    difference: float | None
    low: float | None
    high: float | None
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "difference": finite(self.difference),
            "low": finite(self.low),
            "high": finite(self.high),
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Repeats(PairedDifference):
    """The best values and the recipe's own, trained again with other seeds.

    Attributes:
        seeds: of the repeats.
        best, default: last scores, in the order of `seeds`; None: the run diverged.
    """

    seeds: tuple[int, ...]
    best: tuple[float | None, ...]
    default: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "seeds": list(self.seeds),
            "best": [finite(score) for score in self.best],
            "default": [finite(score) for score in self.default],
            **super().to_dict(),
        }


@dataclass(frozen=True)
class TuningResult:
    """Result of a hyperparameter search.

    Attributes:
        recipe: name of the recipe.
        data: name of the images; "arrays" for arrays.
        kimg: length of a trial, in thousand images.
        folder: with best.toml, report.html, tune.json and the runs.
        study: file or database of the study, without a password.
        images: fingerprint of the images.
        by: name of the score, lower is better.
        against: "held-out images" or "training images": the reference of the score.
        best: the trial with the lowest score.
        trials: all finished trials, in order.
        importance: of each searched value, 0 to 1; empty if there are too few trials.
        repeats: None without repeats, or if the time ended before them.
    """

    recipe: str
    data: str
    kimg: float
    folder: str
    study: str
    images: str
    by: str
    against: str
    best: BestTrial
    trials: tuple[TrialResult, ...]
    importance: Mapping[str, float]
    repeats: Repeats | None

    def to_dict(self) -> dict[str, Any]:
        """What tune.json holds and `ganvas tune --json` prints."""
        return {
            "recipe": self.recipe,
            "data": self.data,
            "kimg": self.kimg,
            "folder": self.folder,
            "study": self.study,
            "images": self.images,
            "by": self.by,
            "against": self.against,
            "best": self.best.to_dict(),
            "trials": [trial.to_dict() for trial in self.trials],
            "importance": {name: finite(share) for name, share in self.importance.items()},
            "repeats": None if self.repeats is None else self.repeats.to_dict(),
        }
