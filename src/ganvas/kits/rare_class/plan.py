"""The options of `balance`: everything that determines its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ...errors import UsageError, no_such

PIXEL_ARMS = ("real", "class weights", "oversampling", "classical")
HEADS = ("features", "lda")
REAL_ARMS = (*PIXEL_ARMS, *HEADS)
GAN_ARMS = ("gan", "classical + gan", "lda + gan")
SYNTHETIC = "synthetic only"
ARMS = (*REAL_ARMS, *GAN_ARMS, SYNTHETIC)
PLACEBO = {arm: arm.replace("gan", "placebo") for arm in GAN_ARMS}
"""Arm with a generator -> the same with blurred and shuffled real images in place of its images."""
COUNTERPART = {"gan": "oversampling", "classical + gan": "classical", "lda + gan": "lda"}
"""Arm with a generator -> the same without any synthetic images."""
RATIOS = (0.25, 1.0)
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
SHRINKAGES = (0.03, 0.1, 0.3, 0.6, 0.9)
KIMG = {32: 48.0, 48: 24.0, 64: 12.0}
"""Longer side up to -> kimg of a generator; of larger images `KIMG_LARGE`. With these, a default
study takes at most 15 minutes of processor time."""
KIMG_LARGE = 8.0
STEPS = {32: 600, 48: 400, 64: 250}
STEPS_LARGE = 200
OURS = ("train.kimg", "train.epochs", "train.seed", "data.labels", "data.size", "data.channels",
        "data.holdout", "data.source")  # fmt: skip
FOLDS = 5


@dataclass(frozen=True)
class Plan:
    """Options of a study.

    Args:
        rare: names of the classes to top up.
        seeds: of generator and classifier together; each has a fold of its own for validation.
        kimg: thousand images of the other classes that one generator is trained on; the generator
            of each seed begins from it, and is trained on half as many of all classes. 0: fewer
            for larger images, see `KIMG`.
        steps: optimiser steps of each classifier; 0: fewer for larger images, see `STEPS`.
        batch: draws per step.
        arms: what is compared; default: all of `ARMS`.
        ratios: synthetic images per real one, in draws of a rare class; the best by validation.
        truncation: of the noise that synthetic images are drawn from.
        agreement: a synthetic image is left out if a classifier of the training fold ranks it
            below all but this share of the real images of its class. A higher value keeps only
            images that the classifier recognises already and that add nothing.
        recipe: of the generators.
        values: recipe values to change; not those that the plan itself decides.
        flip: whether classical augmentation mirrors, too.
        size: side in pixels after resizing; None keeps the images' own.
        test_share: of the images (1/2, 1/3, 1/4 ...), set aside if there is no test part.
        seed: of splits, draws and the bootstrap.
        minutes: a study that would take longer on this machine is refused before it starts.
    """

    rare: tuple[str, ...]
    seeds: int = 5
    kimg: float = 0.0
    steps: int = 0
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
    minutes: float = 120.0

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
        for name, least in (("seeds", 2), ("steps", 0), ("batch", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not self.ratios or not all(0 < ratio <= 100 for ratio in self.ratios):
            raise UsageError(f"ratios must be above 0 and at most 100, got {self.ratios}")
        for key in set(self.values) & set(OURS):
            raise UsageError(f"{key} is set by the study: use --kimg, --seed or --size, or omit it")
        for name, low, high in (
            ("kimg", 0, 1e6), ("truncation", 0, 2), ("test_share", 0, 0.5), ("minutes", 0, 1e5),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low < value <= high and not (name == "kimg" and value == 0):
                raise UsageError(f"{name} must be above {low} and at most {high:g}, got {value:g}")
        if not 0 <= self.agreement < 1:
            raise UsageError(f"agreement must be from 0 to below 1, got {self.agreement:g}")

    def resolved(self, side: int) -> Plan:
        """The plan for images of this longer side in pixels: nothing is left to a default."""
        kimg = next((k for most, k in KIMG.items() if side <= most), KIMG_LARGE)
        steps = next((n for most, n in STEPS.items() if side <= most), STEPS_LARGE)
        return replace(self, kimg=self.kimg or kimg, steps=self.steps or steps)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the same for equal plans."""
        return {name: list(v) if isinstance(v, Sequence) and not isinstance(v, str) else v
                for name, v in asdict(self).items()}  # fmt: skip

    def settings(self, arm: str) -> tuple[float, ...]:
        """The settings of an arm, of which validation chooses one: the ratio of synthetic to real
        draws, the strength of a penalty or of shrinkage, or 0 where there is nothing to choose."""
        if arm in GAN_ARMS:
            return self.ratios
        return {"features": PENALTIES, "lda": SHRINKAGES}.get(arm, (0.0,))

    @property
    def mixed(self) -> tuple[str, ...]:
        """The arms with a generator that are compared."""
        return tuple(arm for arm in self.arms if arm in GAN_ARMS)
