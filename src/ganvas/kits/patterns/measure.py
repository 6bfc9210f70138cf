"""How visible the seams and the repeats of a tile are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import fft, ndimage


@dataclass(frozen=True)
class Steps:
    """The step across a seam and the steps inside, in grey levels.

    Attributes:
        seam: the step across the seam.
        low, high: 5th and 95th percentile of the steps inside.
        ratio: seam over the mean step inside.
    """

    seam: float
    low: float
    high: float
    ratio: float

    @property
    def within(self) -> bool:
        """Whether the seam lies between low and high."""
        return self.low <= self.seam <= self.high


@dataclass(frozen=True)
class Seams:
    """Both seams of a tile.

    Attributes:
        rows: between the last row and the first.
        columns: between the last column and the first.
        ratio: mean of both ratios.
        within: whether both seams are ordinary steps.
    """

    rows: Steps
    columns: Steps
    ratio: float
    within: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def seams(tile: np.ndarray) -> Seams:
    """Compare the step from the last row (column) to the first with all steps inside.

    A step is the mean absolute difference of two neighbouring rows, in grey levels. A tile has no
    seam if the step across it is an ordinary one.

    Shapes: uint8 [H, W, C].
    """
    rows, columns = _steps(tile), _steps(tile.swapaxes(0, 1))
    return Seams(
        rows, columns, (rows.ratio + columns.ratio) / 2, within=rows.within and columns.within
    )


def _steps(lines: np.ndarray) -> Steps:
    lines = lines.astype(np.float64)
    steps = np.abs(np.roll(lines, -1, axis=0) - lines).mean(axis=(1, 2))
    inside, seam = steps[:-1], float(steps[-1])
    low, high = np.percentile(inside, [5, 95])
    return Steps(
        seam=round(seam, 3),
        low=round(float(low), 3),
        high=round(float(high), 3),
        ratio=round(seam / max(float(inside.mean()), 1e-9), 4),
    )


VIEW = 1024
"""Side in pixels of the surface on which repeats are looked for."""
NEAR = 32
"""Within so many pixels a texture resembles itself."""


def repeats(tile: np.ndarray, view: int = VIEW) -> float:
    """How much of a surface covered with the tile is seen a second time: the largest correlation,
    -1 to 1, of the surface with itself, moved by 32 pixels or more and with a quarter of it at
    least in common. 1: the tile is repeated within the view.

    Grey levels, at half size; what changes over 64 pixels and more is taken away, because light
    and shade over the whole surface are no repeats.

    Shapes: uint8 [H, W, C].
    """
    copies = [-(-view // side) for side in tile.shape[:2]]
    grey = np.tile(tile.astype(np.float32).mean(axis=2), copies)[:view, :view]
    small = ndimage.gaussian_filter(grey, 1)[::2, ::2]
    small -= ndimage.gaussian_filter(small, 32)
    side = fft.next_fast_len(2 * len(small) - 1, real=True)

    def moved(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """The sum of their products at every shift."""
        waves = fft.rfft2(first, (side, side)) * fft.rfft2(second, (side, side)).conj()
        return fft.irfft2(waves, (side, side))

    ones = np.ones_like(small)
    energy = moved(small**2, ones), moved(ones, small**2)
    scale = np.sqrt(np.maximum(energy[0] * energy[1], 1e-6))
    away = np.minimum(np.arange(side), side - np.arange(side))
    far = np.hypot(away[:, None], away) >= NEAR / 2
    common = np.outer(*[len(small) - np.minimum(away, len(small))] * 2) >= small.size / 4
    return float((moved(small, small) / scale)[far & common].max())


def mirrored(crop: np.ndarray) -> np.ndarray:
    """A crop beside its mirror images, [H, W, C] -> [2 H, 2 W, C]: the usual simple tile, with a
    visible axis."""
    wide = np.concatenate([crop, crop[:, ::-1]], axis=1)
    return np.concatenate([wide, wide[::-1]], axis=0)
