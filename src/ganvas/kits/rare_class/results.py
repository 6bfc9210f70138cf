"""What `rare_class.balance` returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .plan import Plan

LEVEL = 0.05


Interval = tuple[float, float, float]
"""A value and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Point:
    """What a classifier does at a threshold that validation chose, on the test part.

    Attributes:
        label: the rare class.
        wanted: the specificity for which validation chose the threshold.
        threshold: of the probability of the class.
        sensitivity, specificity: with 95 % intervals (Wilson 1927), means over seeds.
    """

    label: str
    wanted: float
    threshold: float
    sensitivity: Interval
    specificity: Interval


@dataclass(frozen=True)
class Arm:
    """Scores of an arm: means over seeds on the test part.

    Attributes:
        ratio: synthetic images per real one, chosen on validation; 0 where nothing is mixed.
        strength: of the penalty or the shrinkage, chosen on validation; 0 where there is none.
        valid_auroc: on the validation folds, by which arms are chosen.
        auroc: of the rare classes, each against the rest.
        sensitivity_at_90_specificity, sensitivity_at_95_specificity: of the same.
        intervals: name of each of the three -> the ends of its 95 % interval.
        balanced_accuracy: with the threshold that validation chose.
        valid: balanced accuracy on the validation folds.
        test: the same as `balanced_accuracy`.
        lowest, highest: the same of the seeds with the lowest and the highest value.
        points: at the thresholds for a specificity of 90 and 95 %.
        classes: class -> {"recall", "precision", "auroc", "auprc", "ece", "brier"}.
    """

    name: str
    ratio: float
    strength: float
    valid_auroc: float
    auroc: float
    sensitivity_at_90_specificity: float
    sensitivity_at_95_specificity: float
    intervals: dict[str, tuple[float, float]]
    balanced_accuracy: float
    valid: float
    test: float
    lowest: float
    highest: float
    points: tuple[Point, ...]
    classes: dict[str, dict[str, float | None]]

    def values(self, measure: str) -> Interval:
        """A measure with its interval."""
        return (getattr(self, measure), *self.intervals[measure])


@dataclass(frozen=True)
class Change:
    """The difference of two arms in one measure.

    Attributes:
        value, low, high: the difference and its 95 % interval.
        p, adjusted: the p-value, and the same after Holm.
        lead: the lowest low end of the intervals against all arms that must be beaten.
    """

    value: float
    low: float
    high: float
    p: float
    adjusted: float
    lead: float = 0.0

    @property
    def better(self) -> bool:
        return self.adjusted < LEVEL and self.low > 0

    @property
    def worse(self) -> bool:
        return self.adjusted < LEVEL and self.high < 0


@dataclass(frozen=True)
class Comparison:
    """An arm compared with another one on the test, in all measures.

    Attributes:
        kind: what `against` is: "best" (the best arm without a generator), "counterpart" (the
            same arm without a generator), "placebo", or "baseline" (what one does without ganvas).
        measures: name -> difference.
        balanced_accuracy: the same; it decides nothing.
    """

    arm: str
    against: str
    kind: str
    measures: dict[str, Change]
    balanced_accuracy: Change

    @property
    def better(self) -> bool:
        """Whether a measure is better, and none is worse."""
        return any(c.better for c in self.measures.values()) and not self.worse

    @property
    def worse(self) -> bool:
        return any(c.worse for c in self.measures.values())

    @property
    def leads(self) -> bool:
        """Whether a measure is better than in every other arm that must be beaten."""
        return self.better and any(c.better and c.lead > 0 for c in self.measures.values())

    @property
    def word(self) -> str:
        return "helps" if self.better else "hurts" if self.worse else "no evidence"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the numbers of AUROC also at the top."""
        measures = {name: asdict(change) for name, change in self.measures.items()}
        return {
            "arm": self.arm, "against": self.against, "kind": self.kind, "word": self.word,
            **measures["auroc"], **measures,
            "balanced_accuracy": asdict(self.balanced_accuracy),
        }  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """Whether synthetic images of a rare class are images of it, in features.

    Attributes:
        precision: share of synthetic images that lie among the real training images.
        coverage: share of real training images with a synthetic one near them.
        real: the precision of real images that no generator has seen.
    """

    passed: bool
    precision: float
    coverage: float
    real: float


@dataclass(frozen=True)
class LeakCounts:
    """Leaks of test images, in numbers.

    Attributes:
        test_images_learnt_from: test images that are also training images.
        test_images_nearly_learnt_from: test images that are near-copies of one.
        left_out_of_the_test: number of test images left out because of that.
        synthetic: synthetic images that were searched.
        synthetic_copies_of_test_images: those that are copies of a test image.
        low, high: 95 % interval of their share.
        chance: the share that similar real images reach, at most.
        fatal: whether test images leaked into the synthetic ones.
    """

    test_images_learnt_from: int
    test_images_nearly_learnt_from: int
    left_out_of_the_test: int
    synthetic: int
    synthetic_copies_of_test_images: int
    low: float
    high: float
    chance: float
    fatal: bool


@dataclass(frozen=True)
class About:
    """The data and the plan of a study.

    Attributes:
        rare: names of the rare classes.
        classes: class -> {"learn", "test"}, number of images.
        tested_by: the origin of the test part, as a sentence.
        unit: "group" or "image": what is drawn by the bootstrap.
        pools: for each seed: class -> counts of synthetic images, see `drawing.Pool`.
        plan: all options.
    """

    rare: tuple[str, ...]
    classes: dict[str, dict[str, int]]
    tested_by: str
    unit: str
    pools: tuple[dict[str, dict[str, Any]], ...]
    plan: Plan

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rare": list(self.rare), "classes": self.classes, "tested_by": self.tested_by,
            "unit": self.unit, "pools": list(self.pools), "plan": self.plan.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class External:
    """The external images: AUROC of the arms, and the advised arm against the baseline.

    Attributes:
        images: their number.
        arms: arm -> {measure: (value, low, high)}.
        gain: the advised arm against the baseline; None if they are the same.
        sentence: what they say.
    """

    images: int
    arms: dict[str, dict[str, Interval]]
    gain: Comparison | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The result of `balance`.

    Attributes:
        word: of the generator: helps, no evidence or hurts.
        sentence: the reason, with numbers.
        advised: the arm to use.
        advice: what to do, as a sentence.
        best_real, best_gan: the best arm without and with synthetic images, on validation.
        arms: in the order of the plan, then the placebos.
        comparisons: of every arm with synthetic images with the best arm without them.
        others: of arms with their counterparts, placebos, and of each arm with the baseline.
        gate: rare class -> whether its synthetic images are images of it.
        external: judged beside the test; None without `external`.
        leaks: test images in the training images or the synthetic images.
        warnings: what to know before trusting the verdict.
        about: data and plan.
        folder: the folder of all files.
    """

    word: str
    sentence: str
    advised: str
    advice: str
    best_real: str
    best_gan: str
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    others: tuple[Comparison, ...]
    gate: dict[str, Gate]
    external: External | None
    leaks: LeakCounts
    warnings: tuple[str, ...]
    about: About
    folder: Path = field(default=Path())

    def arm(self, name: str) -> Arm:
        """An arm by its name."""
        return next(arm for arm in self.arms if arm.name == name)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        beside = self.external
        return {
            "verdict": self.word,
            "word": self.word,
            "sentence": self.sentence,
            "advised": self.advised,
            "advice": self.advice,
            "best_real": self.best_real,
            "best_gan": self.best_gan,
            "arms": [asdict(arm) for arm in self.arms],
            "comparisons": [one.to_dict() for one in self.comparisons],
            "others": [one.to_dict() for one in self.others],
            "gate": {name: asdict(one) for name, one in self.gate.items()},
            "external": beside and {
                "images": beside.images, "arms": beside.arms, "sentence": beside.sentence,
                "gain": beside.gain and beside.gain.to_dict(),
            },
            "leaks": asdict(self.leaks),
            "warnings": list(self.warnings),
            "about": self.about.to_dict(),
            "folder": str(self.folder),
        }  # fmt: skip
