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

LEAST, MOST = 2.0, 8.0
"""Standard deviations of good images at which red begins and is full, at the least: of an image
whose highest is beyond, red begins at a quarter of that and is full at three."""
ZOOM = 256


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """uint8 [H, W, C], heat [H, W] in standard deviations -> uint8 [H, W, 3]."""
    grey = image[..., :3].mean(-1, keepdims=True) if image.shape[-1] > 2 else image[..., :1]
    least, most = max(LEAST, heat.max() / 4), max(MOST, heat.max() * 3 / 4)
    strength = np.clip((heat[..., None] - least) / (most - least), 0, 1)
    red = np.array([230, 30, 20])
    return np.rint(grey * (1 - 0.75 * strength) + red * 0.75 * strength).astype(np.uint8)


def side_by_side(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The image, and its overlay on the right; small images are enlarged."""
    plain = image[..., :3] if image.shape[-1] > 2 else np.repeat(image[..., :1], 3, -1)
    pair = np.concatenate([plain, overlay(image, heat)], 1)
    times = max(1, ZOOM // max(image.shape[:2]))
    return pair.repeat(times, 0).repeat(times, 1)


def write(folder: Path, named: Named, verdicts: Verdicts) -> None:
    """A PNG for each image, and scores.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for row, path in enumerate(named.paths):
        picture = f"{row:05}-{short(Path(path).stem)}.png"
        write_png(folder / picture, side_by_side(named.pixels[row], verdicts.heatmap[row]))
        rows.append((path, picture, f"{verdicts.score[row]:.6f}",
                     f"{verdicts.p_value[row]:.6f}", int(verdicts.defective[row])))  # fmt: skip
    header = ("path", "picture", "score", "p_value", "defective")
    write_file(folder / "scores.csv", csv_file(header, rows))
