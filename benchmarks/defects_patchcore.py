"""A plain PatchCore, for comparison in `defects.py`: no part of the kit, but the same features.

Source: Roth et al. 2022, arXiv:2106.08265: maps of two depths, averaged over 3 x 3; a greedy
    coreset of 1 % of all places, chosen in 128 random projections; the distance to the nearest
    place in it; the image's score is the largest, weighted by its 9 neighbours (equation 7).
Differs: EfficientNet-Lite0 in place of WideResNet-50, whose weights are not at hand.
"""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf
from scipy import ndimage

from ganvas.kits.defects.frozen import Frozen
from ganvas.kits.defects.places import coreset

SHARE, NEIGHBOURS, PROJECTED = 0.01, 9, 128
SIGMA = 4.0
"""Of the blur of a heat-map, in pixels, as published."""


class PatchCore:
    """Args: good: uint8 [N, H, W, C]; detail: pixels of the longer side, as the network sees it."""

    def __init__(self, good: np.ndarray, detail: int, seed: int):
        began = time.process_time()
        self.size = good.shape[1:3]
        self.frozen = Frozen(good.shape[1:], detail)
        self.run = tf.function(self.frozen, autograph=False, reduce_retracing=True)
        places = self._places(good).reshape(-1, 232)
        rng = np.random.Generator(np.random.Philox(seed))
        projection = rng.normal(0, PROJECTED**-0.5, (232, PROJECTED)).astype(np.float32)
        self.bank = places[coreset(places @ projection, max(NEIGHBOURS, int(SHARE * len(places))))]
        self.squares = np.square(self.bank).sum(1)
        self.cpu = time.process_time() - began

    def _places(self, images: np.ndarray) -> np.ndarray:
        step = self.frozen.batch
        chunks = [images[i : i + step] for i in range(0, len(images), step)]
        return np.concatenate([self.run(tf.constant(one)).places.numpy() for one in chunks])

    def score(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [N, H, W, C] -> scores [N], heat-maps float32 [N, H, W]."""
        scores, maps = [], []
        for start in range(0, len(images), 16):
            places = self._places(images[start : start + 16])
            for one in places:
                score, near = self._image(one.reshape(-1, 232))
                scores.append(score)
                maps.append(self._map(near.reshape(one.shape[:2])))
        return np.array(scores), np.stack(maps)

    def _image(self, places: np.ndarray) -> tuple[float, np.ndarray]:
        apart = np.square(places).sum(1)[:, None] - 2 * places @ self.bank.T + self.squares
        apart = np.sqrt(np.maximum(apart, 0))
        near = apart.min(1)
        worst = int(near.argmax())
        nearest = int(apart[worst].argmin())
        between = np.square(self.bank - self.bank[nearest]).sum(1)
        around = np.argsort(between)[:NEIGHBOURS]
        far = apart[worst, around]
        weight = 1 - np.exp(near[worst] - far.max()) / np.exp(far - far.max()).sum()
        return float(weight * near[worst]), near

    def _map(self, near: np.ndarray) -> np.ndarray:
        grown = tf.image.resize(near[..., None], self.size, "bilinear").numpy()[..., 0]
        return ndimage.gaussian_filter(grown, SIGMA)
