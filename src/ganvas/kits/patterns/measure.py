"""How visible the seam of a tile is, measured."""

from __future__ import annotations

from typing import Any

import numpy as np


def seams(tile: np.ndarray) -> dict[str, Any]:
    """Compares the step from the last row (column) to the first with all steps inside.

    A step is the mean absolute difference of two neighbouring rows, in grey levels. A tile has
    no seam where the step across it is one among many.

    Returns: "rows" and "columns": {"seam", "low", "high" (5th and 95th percentile of the steps
        inside), "ratio" (seam over their mean)}; "ratio": the mean of both; "within": whether
        both seams lie between low and high.
    Shapes: uint8 [H, W, C].
    """
    found: dict[str, Any] = {}
    for name, axis in (("rows", 0), ("columns", 1)):
        lines = np.moveaxis(tile, axis, 0).astype(np.float64)
        steps = np.abs(np.roll(lines, -1, axis=0) - lines).mean(axis=(1, 2))
        inside, seam = steps[:-1], float(steps[-1])
        low, high = np.percentile(inside, [5, 95])
        found[name] = {
            "seam": round(seam, 3), "low": round(float(low), 3), "high": round(float(high), 3),
            "ratio": round(seam / max(float(inside.mean()), 1e-9), 4),
        }  # fmt: skip
    found["ratio"] = (found["rows"]["ratio"] + found["columns"]["ratio"]) / 2
    found["within"] = all(
        found[name]["low"] <= found[name]["seam"] <= found[name]["high"]
        for name in ("rows", "columns")
    )
    return found


def mirrored(crop: np.ndarray) -> np.ndarray:
    """The usual way out: a crop beside its mirror images, [H, W, C] -> [2 H, 2 W, C]; it tiles,
    with an axis that is seen."""
    wide = np.concatenate([crop, crop[:, ::-1]], axis=1)
    return np.concatenate([wide, wide[::-1]], axis=0)
