"""Augmentation inside the game: every image, real or fake, before the discriminator sees it.

It is differentiable to second order, so that it stands between the penalties and the images,
and it does not leak into samples, because the generator is judged through it too. What changes
the real images alone is `data/augment.py`, and does leak.
"""

from .ada import ADA
from .base import Augment
from .diff import DiffAugment

AUGMENTS: dict[str, type[Augment]] = {"ada": ADA, "diff": DiffAugment}

__all__ = ["ADA", "AUGMENTS", "Augment", "DiffAugment"]
