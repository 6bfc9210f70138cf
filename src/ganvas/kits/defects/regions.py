"""Where an image is unusual: regions of its heat-map, each with a p-value.

The p-value of a region is conformal, as that of an image: (1 + #{calibration images whose highest
heat is at least the region's}) / (n + 1). The highest heat of an image counts, so at most alpha of
good images have any region of p_value <= alpha, however many regions they have.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy  # its parts are imported when they are first used

from ...stats.ranking import components

MOST = 20
"""Regions of an image that are listed, those with the highest heat."""


@dataclass(frozen=True)
class Region:
    """An unusual region of an image.

    Attributes:
        box: (left, top, width, height) in pixels of the image.
        area: in pixels.
        heat: the highest in the region, in standard deviations of good images at that place.
        p_value: share of good images that are as unusual anywhere, by the calibration.
    """

    box: tuple[int, int, int, int]
    area: int
    heat: float
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"box": list(self.box)}


def level_of(peaks: np.ndarray, alpha: float) -> float:
    """The heat above which a region has p_value <= alpha; infinite if none can have it.

    Args:
        peaks: the highest heat of each calibration image, [n].
    """
    allowed = int(alpha * (len(peaks) + 1) + 1e-9)
    return float(np.sort(peaks)[len(peaks) - allowed]) if allowed > 0 else float("inf")


def regions(heat: np.ndarray, peaks: np.ndarray, alpha: float) -> list[Region]:
    """The regions of a heat-map [H, W] whose pixels all have p_value <= alpha, highest first; where
    there is none, the one around the highest heat, down to half of it."""
    level, highest = level_of(peaks, alpha), float(heat.max())
    significant = highest > level
    numbers = components((heat > level if significant else heat >= highest / 2)[None])[0]
    found = []
    for number, rows in enumerate(scipy.ndimage.find_objects(numbers), 1):
        mine, part = numbers[rows] == number, heat[rows]
        top, left = (one.start for one in rows)
        height, width = mine.shape
        highest = float(part[mine].max())
        p_value = (1 + int((peaks >= highest).sum())) / (len(peaks) + 1)
        found.append(
            Region(
                (left, top, width, height), int(mine.sum()), round(highest, 4), round(p_value, 6)
            )
        )
    found.sort(key=lambda one: -one.heat)
    return found[: MOST if significant else 1]
