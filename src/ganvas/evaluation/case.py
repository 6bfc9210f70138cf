"""What the rules of `verdict` read from scores, each relative to its floor.

The thresholds were set on one draw of planted faults and measured on others
(`benchmarks/sentences.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .base import Score

ENOUGH = 50
"""Images of each kind that are needed."""
WIDE = 0.4
"""Widest interval of coverage, over its floor, with which images can be called real."""
NOTHING, FAR, CLOSE = 0.1, 0.4, 0.7
"""Coverage over its floor: below these, nothing, little, or a part of the images is covered."""
NEARLY_ALL, MOSTLY, SOME = 0.9, 0.5, 0.05
"""Copies or duplicates beyond their floor, as a share of what lies above the floor."""
LITTLE_VARIETY = 0.4
BLURRED, NOISY = 0.5, 1.3
"""Fine detail over that of real images."""
RECALL = 0.25
"""Recall over its floor below which the images lie in the middle of the data."""


@dataclass(frozen=True)
class Case:
    """The scores of a comparison, and what rules read from them.

    Attributes:
        n_real, n_fake: images of each kind.
        copied: whether near copies are more frequent than among held-out images; None: not known.
        lost: names of the classes that the fakes leave out.
        pretrained: the run that drew them did not begin from noise.
    """

    scores: Mapping[str, Score]
    n_real: int
    n_fake: int
    copied: bool | None = None
    lost: Sequence[str] = ()
    pretrained: bool = False

    def value(self, name: str, default: float = 0.0) -> float:
        value = self.scores.get(name, Score(None)).value
        return default if value is None else value

    def floor(self, name: str, default: float = 0.0) -> float:
        floor = self.scores.get(name, Score(None)).floor
        return default if floor is None else floor

    def low(self, name: str) -> float:
        low = self.scores.get(name, Score(None)).low
        return self.value(name) if low is None else low

    def high(self, name: str, default: float = 0.0) -> float:
        high = self.scores.get(name, Score(None)).high
        return self.value(name, default) if high is None else high

    def beside_floor(self, name: str) -> tuple[str, str]:
        """A score and its floor, with the digits that its interval gives it."""
        half = (self.high(name) - self.low(name)) / 2
        places = min(6, max(1, math.ceil(-math.log10(half)))) if half > 0 else 6
        both = (round(one, places) + 0.0 for one in (self.value(name), self.floor(name)))
        value, floor = (f"{one:,.{places}f}" for one in both)
        return value, floor

    @property
    def covered(self) -> float:
        """Coverage over its floor."""
        return self.value("coverage") / max(self.floor("coverage"), 1e-9)

    def excess(self, name: str) -> float:
        """A share beyond its floor, of what lies above the floor; 0 within its interval."""
        floor = self.floor(name)
        if self.low(name) <= floor or floor >= 1:
            return 0.0
        return (self.value(name) - floor) / (1 - floor)

    @property
    def alike(self) -> bool:
        """Little variety between the images."""
        return self.high("diversity", 1) < LITTLE_VARIETY

    @property
    def in_the_middle(self) -> bool:
        """Precision is above that of real images, and next to no real image is within reach."""
        return self.low("precision") > self.floor("precision", 1) and self.high(
            "recall", 1
        ) < RECALL * self.floor("recall")
