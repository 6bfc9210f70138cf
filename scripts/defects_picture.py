"""The picture of the guide to defects: magnetic tiles, heat-maps with regions, and true masks.

    python scripts/defects_picture.py [MODEL]

For each kind of defect it shows the tile whose p-value is the middle one of all that were found,
and at the end the tile with the highest p-value of all: a defect that is missed. Nothing is chosen
by eye. Without MODEL, a detector is fitted at 256 px on three quarters of the good tiles, as in
`benchmarks/defects.py`. The tiles are those of Huang, Qiu & Yuan 2020, "Surface defect saliency of
magnetic tile", The Visual Computer 36, read from $GANVAS_DATA (default ../shared/data).
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from ganvas.images import write_png
from ganvas.kits import defects
from ganvas.kits.defects.overlay import overlay
from ganvas.kits.defects.regions import Region

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("GANVAS_DATA", ROOT / "../shared/data"))
OUT = ROOT / "docs" / "pictures" / "defects-tiles.png"
GAP, ZOOM = 6, 2
WHITE, RED = (255, 255, 255), (230, 30, 20)


def main() -> None:
    with np.load(DATA / "magnetic_tile_128.npz") as arrays:
        x, kinds = arrays["x"][..., None], arrays["classes"][arrays["y"]]
        masks = np.unpackbits(arrays["mask"], axis=1).reshape(-1, 128, 128).astype(bool)
    order = np.random.default_rng(0).permutation(np.flatnonzero(kinds == "MT_Free"))
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            detector = defects.Detector.load(sys.argv[1])
        else:
            good = x[order[len(order) // 4 :]]
            detector = defects.fit(good, Path(folder) / "m", detail=256, progress=False)
        bad = np.flatnonzero(masks.any((1, 2)))
        verdicts = detector.score(x[bad])
        found = detector.regions(verdicts)
    columns, shown = [], _shown(kinds[bad], verdicts.p_value, verdicts.defective)
    for row in shown:
        boxes = [one.box for one in found[row]]
        sys.stdout.write(f"{kinds[bad[row]]}: p = {verdicts.p_value[row]:.3f}, {boxes}\n")
        columns.append(_column(x[bad[row]], verdicts.heatmap[row], masks[bad[row]], found[row]))
    write_png(OUT, np.concatenate(columns, 1)[:, :-GAP], {"Software": "ganvas"})


def _shown(kinds: np.ndarray, p_values: np.ndarray, defective: np.ndarray) -> list[int]:
    rows = []
    for kind in sorted(set(kinds)):
        mine = np.flatnonzero((kinds == kind) & defective)
        rows.append(int(mine[np.argsort(p_values[mine], kind="stable")[len(mine) // 2]]))
    return [*rows, int(p_values.argmax())]


def _column(
    image: np.ndarray, heat: np.ndarray, mask: np.ndarray, found: list[Region]
) -> np.ndarray:
    """Image, heat-map with boxes, and the image with the true mask, one below the other."""
    grey = np.repeat(image, 3, -1)
    drawn = overlay(image, heat).repeat(ZOOM, 0).repeat(ZOOM, 1)
    for one in found:
        left, top, width, height = (ZOOM * side for side in one.box)
        _frame(drawn, top, left, height, width)
    truth = np.where(mask[..., None], np.rint(0.4 * grey + 0.6 * np.array(RED)), grey)
    parts = [grey.repeat(ZOOM, 0).repeat(ZOOM, 1), drawn,
             truth.astype(np.uint8).repeat(ZOOM, 0).repeat(ZOOM, 1)]  # fmt: skip
    sheet = [np.pad(one, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for one in parts]
    return np.concatenate(sheet)[:-GAP]


def _frame(image: np.ndarray, top: int, left: int, height: int, width: int) -> None:
    bottom, right = top + height - 1, left + width - 1
    image[[top, bottom], left : right + 1] = WHITE
    image[top : bottom + 1, [left, right]] = WHITE


if __name__ == "__main__":
    main()
