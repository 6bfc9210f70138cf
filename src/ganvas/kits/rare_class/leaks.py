"""Whether the test is fair: no image of it, and no near-copy, may be learnt from.

Two ways lead in. An image of the test part may lie among the images to learn from, as it is or
nearly; it is left out of the test, which is then clean. Where more than a tenth of the test looks
nearly like an image to learn from, images may be alike by nature, and leaving them out would choose
the odd ones: they stay in, and that is said. Or synthetic images may be copies of test images, more
often than real images look like each other by chance; that cannot be cured, and no help is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import DataError
from ...evaluation.copies import copies
from ...stats.intervals import wilson
from .drawing import looks
from .parts import Material

CHANCE = 0.005
"""Share of synthetic images that may look like near-copies of test images by chance, at least; of
MNIST's own test images none looks like one of 20,000 training images."""
MANY = 0.1


@dataclass(frozen=True)
class Leaks:
    """What was found.

    Attributes:
        exact: test images whose pixels are also among those to learn from.
        near: test images that are near-copies of one of those.
        kept: bool [N], the test images that are neither.
        chance: the share that real images reach by being alike, at most.
        synthetic: synthetic images looked at.
        copied: of them, exact or near-copies of a test image that was kept.
        low, high: the interval of their share.
    """

    exact: int
    near: int
    kept: np.ndarray
    chance: float
    synthetic: int = 0
    copied: int = 0
    low: float = 0.0
    high: float = 1.0

    @property
    def fatal(self) -> bool:
        """Whether the test images came into the synthetic ones."""
        return self.low > self.chance

    def sentences(self) -> list[str]:
        """What to say of it."""
        said = []
        left_out = int((~self.kept).sum())
        if left_out:
            said.append(
                f"leak: {self.exact} test images are also among the images to learn from, and "
                f"{self.near} more are near-copies of one; {left_out} are left out of the test"
            )
        if self.near > left_out - self.exact:
            said.append(
                f"leak, or images that are alike by nature: {self.near} of {len(self.kept)} test "
                "images are near-copies of one to learn from, and stay in the test: if they come "
                "from one patient, part or film, give --groups"
            )
        if self.fatal:
            said.append(
                f"leak: {self.copied} of {self.synthetic} synthetic images are copies of test "
                f"images ({self.low:.1%} to {self.high:.1%}), so no help can be claimed"
            )
        return said

    def to_dict(self) -> dict[str, float | bool]:
        return {
            "test_images_learnt_from": self.exact, "test_images_nearly_learnt_from": self.near,
            "left_out_of_the_test": int((~self.kept).sum()),
            "synthetic": self.synthetic, "synthetic_copies_of_test_images": self.copied,
            "low": self.low, "high": self.high, "chance": self.chance, "fatal": self.fatal,
        }  # fmt: skip


def find(learn: np.ndarray, test: np.ndarray) -> Leaks:
    """Looks for test images among those to learn from: uint8 [N, H, W, C] each."""
    exact = _equal(test, learn)
    near = copies(looks(test), looks(learn)) & ~exact
    alike = near.mean() > MANY
    # Where none is, few test images would allow for many: of 20, for 16 %.
    chance = max(CHANCE, wilson(near.sum(), len(near))[1]) if near.any() else CHANCE
    kept = ~exact if alike else ~(exact | near)
    return Leaks(int(exact.sum()), int(near.sum()), kept, chance)


def with_synthetic(leaks: Leaks, test: np.ndarray, pools: Sequence[np.ndarray]) -> Leaks:
    """Looks for the test images that are left among synthetic ones."""
    fake, test = np.concatenate(list(pools)), test[leaks.kept]
    copied = _equal(fake, test) | copies(looks(fake), looks(test))
    low, high = wilson(copied.sum(), len(fake))
    return replace(leaks, synthetic=len(fake), copied=int(copied.sum()), low=low, high=high)


def refuse_empty(leaks: Leaks, material: Material) -> None:
    """Raises DataError where nothing of a class is left to test by."""
    for c, name in enumerate(material.names):
        left = leaks.kept & (material.test.labels == c)
        if len(np.unique(material.test.units[left])) < 2:
            raise DataError(
                f"of the test images of '{name}', {int(left.sum())} are not also among the images "
                "to learn from, where at least 2 are needed: take a test part of its own"
            )


def _equal(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    known = {image.tobytes() for image in others}
    return np.array([image.tobytes() in known for image in images], bool)
