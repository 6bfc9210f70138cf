"""The options of `balance`: everything that determines its result."""

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
    """Options of a study.

    Args:
        rare: names of the classes to top up.
        seeds: of generator and classifier together; each has a fold of its own for validation.
        kimg: thousand real images that each generator is trained on.
        steps: optimiser steps of each classifier.
        batch: draws per step.
        arms: what is compared; default: all of `ARMS`.
        ratios: synthetic images per real one, in draws of a rare class; the best by validation.
        truncation: of the noise that synthetic images are drawn from.
        agreement: a synthetic image is left out if a classifier of the training fold gives its
            class a lower probability. A higher value keeps only images that the classifier
            recognises already and that add nothing.
        recipe: of the generators.
        values: recipe values to change; not those that the plan itself decides.
        flip: whether classical augmentation mirrors, too.
        size: side in pixels after resizing; None keeps the images' own.
        test_share: of the images (1/2, 1/3, 1/4 ...), set aside if there is no test part.
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
                f"arms must include one of {', '.join(REAL_ARMS)} and one of "
                f"{', '.join(GAN_ARMS)}, got {', '.join(self.arms) or 'none'}"
            )
        if not self.rare:
            raise UsageError("no rare class is given: give at least one, such as --rare LABEL")
        for name, least in (("seeds", 2), ("steps", 1), ("batch", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.ratios or not all(0 < ratio <= 100 for ratio in self.ratios):
            raise UsageError(f"ratios must be above 0 and at most 100, got {self.ratios}")
        for key in set(self.values) & set(OURS):
            raise UsageError(f"{key} is set by the study: use --kimg, --seed or --size, or omit it")
        for name, low, high in (
            ("kimg", 0, 1e6), ("truncation", 0, 2), ("test_share", 0, 0.5),
        ):  # fmt: skip
            if not low < getattr(self, name) <= high:
                raise UsageError(
                    f"{name} must be above {low} and at most {high:g}, got {getattr(self, name):g}"
                )
        if not 0 <= self.agreement < 1:
            raise UsageError(f"agreement must be from 0 to below 1, got {self.agreement:g}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the same for equal plans."""
        return {name: list(v) if isinstance(v, Sequence) and not isinstance(v, str) else v
                for name, v in asdict(self).items()}  # fmt: skip

    def variants(self) -> list[tuple[str, float]]:
        """Every (arm, ratio) that is fitted; ratio 0 for arms that mix nothing."""
        return [
            (arm, ratio)
            for arm in self.arms
            for ratio in (self.ratios if arm in GAN_ARMS else (0.0,))
        ]
