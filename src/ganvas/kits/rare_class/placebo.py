"""Placebo: images made of the real rare ones without any generator, blurred or shuffled.

They hold nothing new about the class. An arm with a generator that is not better than the same arm
with a placebo owes its gain to more draws, to noise or to smoothing, and not to its generator.
"""

from __future__ import annotations

import numpy as np
import scipy

BLUR = 0.08  # of the longer side
TILES = 4  # a side


def placebo(real: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` images from real ones, uint8 [N, H, W, C] -> [count, H, W, C]: half are blurred, half
    have their tiles in a random order."""
    rng = np.random.Generator(np.random.Philox([seed, 37]))
    found = real[np.arange(count) % len(real)].copy()
    for number, image in enumerate(found):
        found[number] = _shuffled(image, rng) if number // len(real) % 2 else _blurred(image, rng)
    return found


def _blurred(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sigma = BLUR * max(image.shape[:2]) * rng.uniform(0.75, 1.25)
    soft = scipy.ndimage.gaussian_filter(image.astype(np.float32), (sigma, sigma, 0))
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


def _shuffled(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = (max(1, side // TILES) for side in image.shape[:2])
    corners = [(y, x) for y in range(0, height * TILES, height)
               for x in range(0, width * TILES, width)]  # fmt: skip
    found = image.copy()
    for (y, x), place in zip(corners, rng.permutation(len(corners)), strict=True):
        v, u = corners[place]
        found[y : y + height, x : x + width] = image[v : v + height, u : u + width]
    return found
