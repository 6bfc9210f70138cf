"""Pictures of heat-maps: the image in grey, with unusual places in red over it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...base.csv_files import csv_file
from ...base.files import write_file
from ...base.names import short
from ...images import write_png
from .detector import Verdicts
from .good_images import Named
from .regions import Region

LEAST, MOST = 2.0, 8.0
"""Standard deviations of good images at which red begins and is full, at the least: of an image
whose highest is beyond, red begins at a quarter of that and is full at three."""
ZOOM = 256
MOST_PIXELS = 1024
BOXES = ("path", "left", "top", "width", "height", "area", "heat", "p_value")


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """uint8 [H, W, C], heat [H, W] in standard deviations -> uint8 [H, W, 3]."""
    grey = image[..., :3].mean(-1, keepdims=True) if image.shape[-1] > 2 else image[..., :1]
    least, most = max(LEAST, heat.max() / 4), max(MOST, heat.max() * 3 / 4)
    strength = np.clip((heat[..., None] - least) / (most - least), 0, 1)
    red = np.array([230, 30, 20])
    return np.rint(grey * (1 - 0.75 * strength) + red * 0.75 * strength).astype(np.uint8)


def side_by_side(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The image, and its overlay on the right; small images are enlarged, large ones reduced."""
    image, heat = _reduced(image, heat)
    plain = image[..., :3] if image.shape[-1] > 2 else np.repeat(image[..., :1], 3, -1)
    pair = np.concatenate([plain, overlay(image, heat)], 1)
    times = max(1, ZOOM // max(image.shape[:2]))
    return pair.repeat(times, 0).repeat(times, 1)


def _reduced(image: np.ndarray, heat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `MOST_PIXELS` on the longer side: the mean of each block, and its highest heat."""
    factor = -(-max(heat.shape) // MOST_PIXELS)
    if factor == 1:
        return image, heat
    height, width = (side // factor for side in heat.shape)
    rows, columns = slice(height * factor), slice(width * factor)
    small = image[rows, columns].reshape(height, factor, width, factor, -1).mean((1, 3))
    hottest = heat[rows, columns].reshape(height, factor, width, factor).max((1, 3))
    return np.rint(small).astype(np.uint8), hottest


class Writer:
    """Writes a PNG for each image, and at the end scores.csv and regions.csv.

    Args: folder: made if it is not there.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.rows: list[tuple[object, ...]] = []
        self.boxes: list[tuple[object, ...]] = []

    def add(self, named: Named, verdicts: Verdicts, found: list[list[Region]]) -> None:
        """Images, their verdicts with heat-maps, and their regions."""
        for i, path in enumerate(named.paths):
            picture = f"{len(self.rows):05}-{short(Path(path).stem)}.png"
            shown = side_by_side(named.pixels[i], verdicts.heatmap[i])
            write_png(self.folder / picture, shown)
            self.rows.append((path, picture, f"{verdicts.score[i]:.6f}",
                              f"{verdicts.p_value[i]:.6f}", int(verdicts.defective[i]),
                              len(found[i])))  # fmt: skip
            for one in found[i]:
                self.boxes.append((path, *one.box, one.area, f"{one.heat:.4f}",
                                   f"{one.p_value:.6f}"))  # fmt: skip

    def close(self) -> None:
        header = ("path", "picture", "score", "p_value", "defective", "regions")
        write_file(self.folder / "scores.csv", csv_file(header, self.rows))
        write_file(self.folder / "regions.csv", csv_file(BOXES, self.boxes))
