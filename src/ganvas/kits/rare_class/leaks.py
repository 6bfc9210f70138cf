"""Leaks of test images: no test image, and no near-copy of one, may be used for training.

There are two kinds. A test image may be among the training images, equal or nearly; it is left out
of the test. If more than a tenth of the test images nearly equal a training image, images may be
similar by nature, and leaving them out would select unusual ones: they stay in, with a note. Or
synthetic images may be copies of test images, more often than real images are similar by chance;
that cannot be corrected, and the verdict is never `helps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import DataError
from ...evaluation.copies import copies
from ...stats.intervals import wilson
from .drawing import reduced
from .parts import Material
from .results import LeakCounts

CHANCE = 0.005
"""Share of synthetic images that may be near-copies of test images by chance, at least; of MNIST's
own test images none is a near-copy of one of 20,000 training images."""
MANY = 0.1


@dataclass(frozen=True)
class Leaks:
    """Leaks that were found.

    Attributes:
        exact: test images that are also training images.
        near: test images that are near-copies of a training image.
        kept: bool [N], the test images that are neither.
        chance: the share that similar real images reach, at most.
        synthetic: synthetic images that were searched.
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
        """Whether test images leaked into the synthetic ones."""
        return self.low > self.chance

    def sentences(self) -> list[str]:
        """Warnings for the report."""
        found = []
        left_out = int((~self.kept).sum())
        if left_out:
            found.append(
                f"leak: {self.exact} test images are also training images, and {self.near} more "
                f"are near-copies of one; {left_out} are left out of the test"
            )
        if self.near > left_out - self.exact:
            found.append(
                f"leak, or images that are similar by nature: {self.near} of {len(self.kept)} test "
                "images are near-copies of a training image, and stay in the test: if they come "
                "from one patient, part or film, give --groups"
            )
        if self.fatal:
            found.append(
                f"leak: {self.copied} of {self.synthetic} synthetic images are copies of test "
                f"images ({self.low:.1%} to {self.high:.1%}), so the test cannot show that they "
                "help"
            )
        return found

    @property
    def counts(self) -> LeakCounts:
        """The numbers, without the rows."""
        return LeakCounts(
            test_images_learnt_from=self.exact, test_images_nearly_learnt_from=self.near,
            left_out_of_the_test=int((~self.kept).sum()), synthetic=self.synthetic,
            synthetic_copies_of_test_images=self.copied, low=self.low, high=self.high,
            chance=self.chance, fatal=self.fatal,
        )  # fmt: skip


def find(learn: np.ndarray, test: np.ndarray) -> Leaks:
    """Search for test images among the training images: uint8 [N, H, W, C] each."""
    exact = _equal(test, learn)
    near = copies(reduced(test), reduced(learn)) & ~exact
    alike = near.mean() > MANY
    # If there is none, the interval of few test images would allow many: of 20, for 16 %.
    chance = max(CHANCE, wilson(near.sum(), len(near))[1]) if near.any() else CHANCE
    kept = ~exact if alike else ~(exact | near)
    return Leaks(int(exact.sum()), int(near.sum()), kept, chance)


def with_synthetic(leaks: Leaks, test: np.ndarray, pools: Sequence[np.ndarray]) -> Leaks:
    """Search for the kept test images among synthetic ones."""
    fake, test = np.concatenate(list(pools)), test[leaks.kept]
    copied = _equal(fake, test) | copies(reduced(fake), reduced(test))
    low, high = wilson(copied.sum(), len(fake))
    return replace(leaks, synthetic=len(fake), copied=int(copied.sum()), low=low, high=high)


def refuse_empty(leaks: Leaks, material: Material) -> None:
    """Raises DataError if too few test images of a class are left."""
    for c, name in enumerate(material.names):
        left = leaks.kept & (material.test.labels == c)
        if len(np.unique(material.test.units[left])) < 2:
            raise DataError(
                f"at least 2 test images of '{name}' must not be training images, got "
                f"{int(left.sum())}: give another test part"
            )


def _equal(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    known = {image.tobytes() for image in others}
    return np.array([image.tobytes() in known for image in images], bool)
