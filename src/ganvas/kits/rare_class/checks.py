"""Images with which no verdict would be valid, refused before anything is computed."""

from __future__ import annotations

import numpy as np

from ...data.memory import free_memory
from ...errors import DataError, UsageError
from .part import Part
from .plan import Plan

LEAST = 5  # training images of a rare class


def check(learn: Part, test: Part, names: tuple[str, ...], rare: tuple[int, ...]) -> None:
    if len(rare) == len(names):
        raise DataError(
            f"all classes are given as rare ({', '.join(names)}), but one must remain: give fewer"
        )
    for c in rare:
        here = int((learn.labels == c).sum())
        if here < LEAST:
            raise DataError(
                f"class '{names[c]}' must have at least {LEAST} training images (20 to be useful), "
                f"got {here}: add images"
            )
    if learn.images.shape[1:] != test.images.shape[1:]:
        raise DataError("the test images have another shape than the data: give one --size")
    for c, name in enumerate(names):
        units, tests = (len(np.unique(p.units[p.labels == c])) for p in (learn, test))
        if units < 2:
            raise DataError(
                f"class '{name}' must have at least 2 independent training images (a group counts "
                f"once), for training and validation, got {units}: add images of other groups"
            )
        if tests < 2:
            raise DataError(
                f"class '{name}' must have at least 2 independent images in the test part (a group "
                f"counts once), got {tests}: add images, or increase --test-share"
            )


def check_fold(learn: Part, valid: np.ndarray, names: tuple[str, ...]) -> None:
    """If groups contain several classes, all images of a class may be in one fold."""
    counts = np.bincount(learn.labels[~valid], minlength=len(names))
    if not counts.all():
        raise DataError(
            f"class '{names[int(counts.argmin())]}' has too few groups for training and "
            "validation: add images of other groups, or try another --seed"
        )


def check_memory(plan: Plan, shape: tuple[int, ...]) -> None:
    """The draws of an arm need memory three times: drawn, augmented, and in the classifier."""
    needed, free = 3 * plan.steps * plan.batch * int(np.prod(shape)), free_memory()
    if needed > free:
        raise UsageError(
            f"{plan.steps} steps of {plan.batch} images of {shape[0]}x{shape[1]} pixels need "
            f"{needed / 1e9:.1f} GB, but {free / 1e9:.1f} are free: choose a smaller --size, or "
            "fewer --steps"
        )
