"""Which parts make the score: chosen by planted defects, because real ones are not there.

The good images were used for nothing before, except that they scale the parts; those that calibrate
the detector have no part in the choice, so that its promise does not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...stats.ranking import auroc
from .options import WithGan

WHOLE = ("position_mean", "pooled", "bank", "nearest")
"""With these four together the choice begins for images of one patch: small images show one thing,
which can be wrong as a whole, and planted defects, which are local, choose `position` instead."""
RISE = 0.005
"""By which the AUROC must rise for another part; or 1 / (2 n) if that is more: one of n good images
can change an AUROC by 1 / n. With 8 of them, a chance rise took a part that harmed."""
ENOUGH = 0.75
"""AUROC on planted defects from which no GAN is trained by default. It was 0.9: of 13 fits that
trained one, on MNIST and Fashion-MNIST, three took a part of it, and their AUROC on other classes
changed by 0.001, 0.000 and -0.013."""


@dataclass(frozen=True)
class Choice:
    """The parts of a score, and what they were chosen by.

    Attributes:
        parts: names, in the order in which they were taken.
        steps: AUROC of the first part, of the first two, ...
        given: the first so many were not chosen, see `WHOLE`.
        alone: AUROC of each candidate alone.
        kinds: AUROC of the score by kind of planted defect.
        good, planted: number of good images, and of defects that were planted into them.
    """

    parts: tuple[str, ...]
    steps: tuple[float, ...]
    alone: dict[str, float]
    kinds: dict[str, float]
    good: int
    planted: int
    given: int = 0

    @property
    def auroc(self) -> float:
        """Of the score, on planted defects."""
        return self.steps[-1]

    def to_dict(self) -> dict[str, Any]:
        """For a manifest."""
        return asdict(self) | {"auroc": self.auroc}


def wants_gan(with_gan: WithGan, whole: bool, reached: float) -> bool:
    """Whether a GAN is trained.

    Args:
        with_gan: the option; "auto" decides by the others.
        whole: an image is one patch: a small shape, which a GAN can learn as a whole.
        reached: AUROC on planted defects of the parts that need no GAN.
    """
    return with_gan == "yes" or (with_gan == "auto" and whole and reached < ENOUGH)


def choose(
    good: np.ndarray, bad: np.ndarray, names: Sequence[str], kinds: Sequence[str],
    whole: bool = False,
) -> Choice:  # fmt: skip
    """Take the best part, then others while the AUROC of their mean rises, see `RISE`.

    Args:
        good, bad: scaled parts of good images [N, parts] and of planted defects [M, parts].
        names: of the parts; of equally good ones the first is taken.
        kinds: of the planted defects, [M].
        whole: images are one patch: begin with `WHOLE` instead of the best part.
    """

    def area(taken: Sequence[int]) -> float:
        return auroc(good[:, taken].mean(1), bad[:, taken].mean(1))

    alone = [area([i]) for i in range(len(names))]
    given = [names.index(name) for name in WHOLE] if whole else []
    taken, rise = list(given) or [int(np.argmax(alone))], max(RISE, 0.5 / len(good))
    steps = [area(taken[: n + 1]) for n in range(len(taken))]
    left = set(range(len(names))) - set(taken)
    while left:
        best = max(sorted(left), key=lambda i: area([*taken, i]))
        reached = area([*taken, best])
        if reached < steps[-1] + rise:
            break
        taken.append(best)
        steps.append(reached)
        left.remove(best)
    of_kind = np.array(kinds)
    score, scores = good[:, taken].mean(1), bad[:, taken].mean(1)
    return Choice(
        parts=tuple(names[i] for i in taken),
        steps=tuple(round(one, 5) for one in steps),
        alone={name: round(one, 5) for name, one in zip(names, alone, strict=True)},
        kinds={
            kind: round(auroc(score, scores[of_kind == kind]), 5) for kind in dict.fromkeys(kinds)
        },
        good=len(good), planted=len(bad), given=len(given),
    )  # fmt: skip
