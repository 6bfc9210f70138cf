"""What `rare_class.balance` returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .plan import Plan

LEVEL = 0.05


@dataclass(frozen=True)
class Arm:
    """Scores of an arm: means over seeds on the test part.

    Attributes:
        ratio: synthetic images per real one, chosen on validation; 0 where nothing is mixed.
        valid: balanced accuracy on the validation folds.
        test: balanced accuracy on the test part.
        lowest, highest: the same of the seeds with the lowest and the highest value.
        classes: class -> {"recall", "precision", "auprc", "ece", "brier"}.
    """

    name: str
    ratio: float
    valid: float
    test: float
    lowest: float
    highest: float
    classes: dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Comparison:
    """An arm compared with the best arm without a generator, in balanced accuracy on the test.

    Attributes:
        value, low, high: the difference and its 95 % interval.
        p, adjusted: the p-value, and the same after Holm.
        lead: the lowest low end of its intervals against all arms without a generator.
    """

    arm: str
    against: str
    value: float
    low: float
    high: float
    p: float
    adjusted: float
    lead: float

    @property
    def better(self) -> bool:
        return self.adjusted < LEVEL and self.low > 0

    @property
    def worse(self) -> bool:
        return self.adjusted < LEVEL and self.high < 0


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
class Verdict:
    """The result of `balance`.

    Attributes:
        word: helps, no evidence or hurts.
        sentence: the reason, with numbers.
        best_real, best_gan: the best arm without and with synthetic images, on validation.
        arms: in the order of the plan.
        comparisons: of every arm with synthetic images.
        leaks: test images in the training images or the synthetic images.
        warnings: what to know before trusting the verdict.
        about: data and plan.
        folder: the folder of all files.
    """

    word: str
    sentence: str
    best_real: str
    best_gan: str
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    leaks: LeakCounts
    warnings: tuple[str, ...]
    about: About
    folder: Path = field(default=Path())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": self.word,
            "word": self.word,
            "sentence": self.sentence,
            "best_real": self.best_real,
            "best_gan": self.best_gan,
            "arms": [asdict(arm) for arm in self.arms],
            "comparisons": [asdict(one) for one in self.comparisons],
            "leaks": asdict(self.leaks),
            "warnings": list(self.warnings),
            "about": self.about.to_dict(),
            "folder": str(self.folder),
        }
