"""Procedural textures and planted defects with exact masks, for `defects.py`: 96×96 px, grey."""

from __future__ import annotations

import numpy as np

SIZE = 96
KINDS = ("weave", "brushed", "grain")


def texture(
    kind: str, count: int, seed: int, broken: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 96, 96] and bool masks [N, 96, 96], all False where nothing is broken.

    Defects in turn: a scratch, a hole, a stain, a misprint (a piece of the texture turned).
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    images, masks = np.zeros((2, count, SIZE, SIZE))
    for row in range(count):
        images[row] = {"weave": _weave, "brushed": _brushed, "grain": _grain}[kind](rng)
        if broken:
            images[row], masks[row] = DEFECTS[row % len(DEFECTS)](images[row], rng)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8), masks.astype(bool)


def _weave(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] + rng.uniform(0, 12, 2)[:, None, None]
    over = np.sin(np.pi * x / 6) * np.sin(np.pi * y / 6) > 0
    threads = np.where(over, np.abs(np.sin(np.pi * x / 6)), np.abs(np.sin(np.pi * y / 6)))
    return 60 + 110 * threads + rng.normal(0, 8, (SIZE, SIZE)) + rng.normal(0, 6)


def _brushed(rng: np.random.Generator) -> np.ndarray:
    lines = rng.normal(0, 1, (SIZE, SIZE + 60))
    smooth = np.cumsum(lines, 1)
    along = (smooth[:, 60:] - smooth[:, :-60]) / np.sqrt(60)
    return 130 + 18 * along + rng.normal(0, 4, (SIZE, SIZE)) + rng.normal(0, 6)


def _grain(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    bend = 6 * np.sin(y / rng.uniform(20, 40) + rng.uniform(0, 6))
    rings = np.sin((x + bend) * rng.uniform(0.45, 0.55) + rng.uniform(0, 6))
    return 120 + 35 * rings + rng.normal(0, 9, (SIZE, SIZE))


def _disc(rng: np.random.Generator, least: float, most: float) -> np.ndarray:
    """How deep each pixel lies in an ellipse: above 0 inside."""
    y, x = np.mgrid[:SIZE, :SIZE]
    cy, cx = rng.uniform(14, SIZE - 14, 2)
    a, b = rng.uniform(least, most, 2)
    return 1 - np.hypot((y - cy) / a, (x - cx) / b)


def _scratch(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:SIZE, :SIZE]
    angle, length = rng.uniform(0, np.pi), rng.uniform(12, 24)
    cy, cx = rng.uniform(20, SIZE - 20, 2)
    along = (y - cy) * np.sin(angle) + (x - cx) * np.cos(angle)
    across = (x - cx) * np.sin(angle) - (y - cy) * np.cos(angle)
    mask = (np.abs(along) < length) & (np.abs(across) < 1.3)
    return image + mask * rng.choice([-60, 60]), mask


def _hole(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    mask = _disc(rng, 3, 6) > 0
    return np.where(mask, 20 + rng.normal(0, 5, image.shape), image), mask


def _stain(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    depth = np.clip(_disc(rng, 8, 14), 0, None)
    return image - 70 * np.sqrt(depth), depth > 0.05


def _misprint(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    side = int(rng.integers(14, 22))
    y, x = rng.integers(4, SIZE - side - 4, 2)
    out, mask = image.copy(), np.zeros(image.shape, bool)
    out[y : y + side, x : x + side] = np.rot90(image[y : y + side, x : x + side])
    mask[y : y + side, x : x + side] = True
    return out, mask


DEFECTS = (_scratch, _hole, _stain, _misprint)
