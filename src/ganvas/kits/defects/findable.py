"""What a detector finds: how large and how strong a planted defect must be to be found 9 times of
10, by kind. Only good images are needed, and no others than those that calibrated the detector.

See `stats.detection` for the model (MIL-HDBK-1823A). The bound holds for planted defects: real ones
may be easier or harder to see than a planted one of the same size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...stats.detection import Detection, detection
from .planting import LARGE, SEEN, Planted, plant

SHARE = 0.9
PLANTED = 96
"""Defects of each kind."""
SPECIMENS = 48
"""Good images that defects are planted into, at most."""
SIZES = (0.03, 0.5)
"""Least and largest side of the defect's box, as a share of the image's; for small shapes `LARGE`,
from a third of its lower limit on."""
POINTS = 9
"""Sizes at which a curve is given."""
CONTRASTS = (0.5, 1.0, 2.0)
"""In standard deviations of the pixels of an image; see `planting.CONTRASTS`."""
KINDS = {
    "blob": "round spot (blob)",
    "scar": "thin line (scar)",
    "stain": "irregular spot (stain)",
    "missing": "a piece is missing",
    "cut-paste": "a piece of another place (cut-paste)",
    "shift": "a piece is out of place (shift)",
}
"""What is planted, for readers of a report. The first three have a contrast that is drawn."""
TONED = tuple(KINDS)[:3]


@dataclass(frozen=True)
class Found:
    """One kind of planted defect, at one contrast.

    Attributes:
        kind: of `KINDS`.
        contrast: in standard deviations of an image's pixels; None: the kind has no contrast.
        found, planted: how many of this kind, at all sizes and contrasts.
        a90, low, high: side of the defect's box in pixels at which 9 of 10 are found, and its
            bounds; `high` is a90/95. None: above the largest size planted; the smallest one stands
            for all below it.
        curve: (size in pixels, POD, its lower and upper bound).
    """

    kind: str
    contrast: float | None
    found: int
    planted: int
    a90: float | None
    low: float | None
    high: float | None
    curve: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Findable:
    """What is found, at one alpha.

    Attributes:
        alpha: share of good images that may be called defective.
        good: images that defects were planted into.
        grey: grey levels of a contrast of 1.
        smallest, largest: sizes planted, in pixels.
        rows: by kind and contrast.
    """

    alpha: float
    good: int
    grey: float
    smallest: float
    largest: float
    rows: tuple[Found, ...]

    def to_dict(self) -> dict[str, Any]:
        """For a manifest and JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Findable:
        rows = [Found(**{**row, "curve": tuple(map(tuple, row["curve"]))}) for row in facts["rows"]]
        return cls(**{**facts, "rows": tuple(rows)})


def findable(
    p_values: Callable[[np.ndarray], np.ndarray],
    good: np.ndarray,
    alpha: float,
    seed: int,
    *,
    whole: bool,
    roi: np.ndarray | None = None,
) -> Findable:
    """Plant defects and fit how many are found.

    Args:
        p_values: of images, uint8 [N, H, W, C] -> [N].
        good: images that nothing was learnt from, uint8 [N, H, W, C].
        whole: an image is one small shape, whose defects are large.
        roi: bool [H, W]: where defects are planted; None: everywhere.
    """
    good = good[: min(len(good), SPECIMENS)]
    limits = (LARGE[0] / 3, LARGE[1]) if whole else SIZES
    side = float(np.sqrt(np.prod(good.shape[1:3])))
    rows: list[Found] = []
    for number, kind in enumerate(KINDS):
        times = -(-PLANTED // len(good))
        # Another seed than that of the defects that chose the parts.
        planted = plant(good, times, seed + 1 + number, kinds=[kind], sizes=limits, within=roi)
        hit = p_values(planted.images) <= alpha + 1e-6
        rows += _rows(kind, planted, hit, np.array(limits) * side, side)
    return Findable(
        alpha=alpha, good=len(good), grey=round(float(_levels(good)), 1),
        smallest=round(limits[0] * side, 1), largest=round(limits[1] * side, 1), rows=tuple(rows),
    )  # fmt: skip


def _rows(
    kind: str, planted: Planted, hit: np.ndarray, limits: np.ndarray, side: float
) -> Iterator[Found]:
    toned = kind in TONED
    fitted = detection(
        planted.sizes * side, hit, planted.rows, contrasts=planted.contrasts if toned else None
    )
    for contrast in CONTRASTS if toned else (None,):
        needed = fitted.needed(SHARE, contrast or 1.0)
        a90, low, high = (None if x > limits[1] else round(max(x, limits[0]), 1) for x in needed)
        yield Found(kind, contrast, int(hit.sum()), len(hit), a90, low, high,
                    _curve(fitted, limits, contrast or 1.0))  # fmt: skip


def _curve(
    fitted: Detection, limits: np.ndarray, contrast: float
) -> tuple[tuple[float, float, float, float], ...]:
    found = []
    for size in np.geomspace(float(limits[0]), float(limits[1]), POINTS):
        value, low, high = fitted.pod(float(size), contrast)
        found.append((round(float(size), 1), round(value, 4), round(low, 4), round(high, 4)))
    return tuple(found)


def _levels(good: np.ndarray) -> np.floating[Any]:
    """Grey levels of a contrast of 1, in the mean of the images."""
    return np.maximum(good.reshape(len(good), -1).std(1), SEEN).mean()


def size_text(row: Found, found: Findable) -> tuple[str, str]:
    """a90 and its interval, as a report has them."""

    def pixels(value: float | None) -> str:
        if value is None:
            return f"over {found.largest:g} px"
        return f"{'under ' if value <= found.smallest else ''}{value:g} px"

    return pixels(row.a90), f"{pixels(row.low)} to {pixels(row.high)}"


def kind_text(row: Found, grey: float) -> str:
    """Kind and contrast, as a report has them."""
    if row.contrast is None:
        return KINDS[row.kind]
    return f"{KINDS[row.kind]}, contrast {row.contrast:g} ({row.contrast * grey:.0f} grey levels)"
