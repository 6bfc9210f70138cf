"""How far a run is: images seen of those planned, and whether the generated ones improve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

LOOK_BACK = 3
"""Ticks within which the images should have improved; with fewer, it is too early to say."""
FALLS = 0.95
"""Of the distance in the last ticks to that in the ticks before: below, it falls."""

FAR = 0.2
"""Distance in features of Lite0 that is far: blobs in the colours of the images have 0.3 to 0.5,
runs from a pretrained pair at most 0.11 (benchmarks/doctor_colour.py)."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        ticks: finished ticks that can be examined: since the last fix, without the warm-up.
        kimg: thousand images seen.
        planned_kimg: thousand images that the recipe takes.
        distance: from the generated images to real ones, in the last tick; None if it is unknown.
        features: in which it is measured: "lite0", or "pixels" (of digits, and of older runs).
        falling: whether the distance still falls; None if there are fewer than six ticks.
    """

    ticks: int
    kimg: float
    planned_kimg: float
    distance: float | None = None
    features: str = "pixels"
    falling: bool | None = None

    @property
    def too_early(self) -> bool:
        """Whether there are too few ticks to call the run healthy."""
        return self.ticks < LOOK_BACK

    @property
    def far(self) -> bool:
        """Whether the generated images are known to be far from the real ones."""
        return self.features == "lite0" and self.distance is not None and self.distance >= FAR


def progress_of(ticks: Sequence[Mapping[str, float]], kimg: float, planned_kimg: float) -> Progress:
    """Progress from the signals of a run, see `diagnosis.signals_of`."""
    frozen = bool(ticks) and "lite0/distance" in ticks[-1]
    name = "lite0/distance" if frozen else "distance"
    known = [tick[name] for tick in ticks if name in tick]
    falling = None
    if len(known) >= 2 * LOOK_BACK:
        late, early = median(known[-LOOK_BACK:]), median(known[-2 * LOOK_BACK : -LOOK_BACK])
        falling = late < FALLS * early
    return Progress(
        len(ticks),
        kimg,
        planned_kimg,
        known[-1] if known else None,
        "lite0" if frozen else "pixels",
        falling,
    )
