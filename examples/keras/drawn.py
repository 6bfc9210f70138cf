"""What the examples of this folder share: their length, drawn images, a grid of generated ones."""

import os
from pathlib import Path

import keras
import numpy as np

EPOCHS = int(os.environ.get("EPOCHS", "30"))
COUNT = int(os.environ.get("IMAGES", "3000"))
"""Fewer of both take seconds: EPOCHS=1 IMAGES=128 python dcgan.py"""


def shapes(channels: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Discs (label 0), rings (1) and squares (2), float32 [N, size, size, C] in [0, 1], int [N]."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, COUNT)
    down, across = np.mgrid[:size, :size][..., None]
    middle = rng.uniform(0.35, 0.65, (2, COUNT)) * size
    radius = rng.uniform(0.15, 0.3, COUNT) * size
    x, y = np.abs(across - middle[0]), np.abs(down - middle[1])
    far = np.where(labels == 2, np.maximum(x, y), np.hypot(x, y))
    inside = (far < radius) & ((labels != 1) | (far > 0.6 * radius))
    colours = rng.uniform(0.4, 1, (COUNT, 1, 1, channels))
    images = inside.transpose(2, 0, 1)[..., None] * colours
    return images.astype("float32"), labels


def save_grid(images: np.ndarray, path: Path) -> None:
    """Write images in [0, 1] side by side, as a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keras.utils.array_to_img(np.concatenate(np.asarray(images), axis=1)).save(path)
