"""What is asked of `balance`: everything that decides its result, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ...errors import UsageError, no_such

REAL_ARMS = ("real", "class weights", "oversampling", "classical")
GAN_ARMS = ("gan", "classical + gan")
SYNTHETIC = "synthetic only"
ARMS = (*REAL_ARMS, *GAN_ARMS, SYNTHETIC)
RATIOS = (0.25, 0.5, 1.0, 2.0)
OURS = ("train.kimg", "train.epochs", "train.seed", "data.labels", "data.size", "data.channels",
        "data.holdout", "data.source")  # fmt: skip
FOLDS = 5


@dataclass(frozen=True)
class Plan:
    """How a study is made.

    Args:
        rare: names of the classes to top up.
        seeds: of generator and classifier together; each has a fold of its own for validation.
        kimg: thousand real images that each generator is trained on.
        steps: optimiser steps of each classifier.
        batch: draws per step.
        arms: what is compared; all of `ARMS` unless told.
        ratios: synthetic images per real one, in draws of a rare class; the best by validation.
        truncation: of the noise that synthetic images are drawn from.
        agreement: a synthetic image is left out where a classifier of the training fold gives its
            class less than this. More leaves what the classifier already knows, which teaches
            nothing.
        recipe: of the generators.
        values: recipe values to change; not those that the plan itself decides.
        flip: whether classical augmentation mirrors, too.
        size: side in pixels that images are brought to; None keeps theirs.
        test_share: of the images (1/2, 1/3, 1/4 ...), locked away where there is no test part.
        seed: of splits, draws and the bootstrap.
    """

    rare: tuple[str, ...]
    seeds: int = 5
    kimg: float = 96.0
    steps: int = 600
    batch: int = 64
    arms: tuple[str, ...] = ARMS
    ratios: tuple[float, ...] = RATIOS
    truncation: float = 1.0
    agreement: float = 0.05
    recipe: str = "conditional"
    values: Mapping[str, Any] = field(default_factory=dict)
    flip: bool = False
    size: int | None = None
    test_share: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        for arm in self.arms:
            if arm not in ARMS:
                raise UsageError(no_such("arm", arm, ARMS))
        if not set(self.arms) & set(REAL_ARMS) or not set(self.arms) & set(GAN_ARMS):
            raise UsageError(
                f"arms are {', '.join(self.arms) or 'none'}, where a verdict needs one of "
                f"{', '.join(REAL_ARMS)} and one of {', '.join(GAN_ARMS)}: add one"
            )
        if not self.rare:
            raise UsageError("no rare class is named: name one or more, such as --rare LABEL")
        for name, least in (("seeds", 2), ("steps", 1), ("batch", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, where it is at least {least}")
        if not self.ratios or not all(0 < ratio <= 100 for ratio in self.ratios):
            raise UsageError(f"ratios are {self.ratios}, where they are above 0 and at most 100")
        for key in set(self.values) & set(OURS):
            raise UsageError(
                f"{key} is decided by the study, where other recipe values can be set: use --kimg, "
                "--seed or --size, or leave it out"
            )
        for name, low, high in (
            ("kimg", 0, 1e6), ("truncation", 0, 2), ("test_share", 0, 0.5),
        ):  # fmt: skip
            if not low < getattr(self, name) <= high:
                raise UsageError(
                    f"{name} is {getattr(self, name):g}, where it is above {low}, {high:g} at most"
                )
        if not 0 <= self.agreement < 1:
            raise UsageError(f"agreement is {self.agreement:g}, where it is from 0 to below 1")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; equal plans have equal words."""
        return {name: list(v) if isinstance(v, Sequence) and not isinstance(v, str) else v
                for name, v in asdict(self).items()}  # fmt: skip

    def variants(self) -> list[tuple[str, float]]:
        """Every (arm, ratio) that is fitted; ratio 0 for arms that mix nothing."""
        return [
            (arm, ratio)
            for arm in self.arms
            for ratio in (self.ratios if arm in GAN_ARMS else (0.0,))
        ]
