"""Augmentation of every image, real or fake, before the discriminator.

It is differentiable to second order, because penalties take gradients through it. It does not leak
into samples, because fakes are augmented too. `data/augment.py` changes only the real images, and
does leak.
"""

from .ada import ADA
from .base import Augment
from .diff import DiffAugment

AUGMENTS: dict[str, type[Augment]] = {"ada": ADA, "diff": DiffAugment}
"""The augmentations that a recipe may name."""

__all__ = ["ADA", "AUGMENTS", "Augment", "DiffAugment"]
