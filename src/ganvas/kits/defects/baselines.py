"""Three simple detectors, fitted on the same good patches: a report compares with them.

"pca": the residual of the pixels after projection on 32 principal axes. "mahalanobis": distance of
blurred pixels by their whole covariance, shrunk. "nearest": distance of blurred pixels to the
nearest training patch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from ...base.arrays import open_npz
from ...base.files import replacing
from ...images import to_float
from .blur import blurred
from .density import SHRINK
from .patches import Grid

AXES = 32
MOST = 1100
"""Values per patch above which it is halved in size first: a covariance has the square of them."""
NAMES = ("pca", "mahalanobis", "nearest")
CHUNK = 512


class Baselines:
    """Args: arrays of `fit`, and where patches lie."""

    def __init__(self, arrays: dict[str, np.ndarray], grid: Grid):
        self.arrays, self.grid = arrays, grid
        self.known = _soft(arrays["known"])
        self.square = np.square(self.known).sum(1)

    @classmethod
    def fit(cls, patches: np.ndarray, grid: Grid) -> Baselines:
        """patches: uint8 [M, S, S, C], of the images that the detector learnt from."""
        sharp = to_float(_small(patches)).reshape(len(patches), -1).astype(np.float64)
        mean = sharp.mean(0)
        _, axes = np.linalg.eigh((sharp - mean).T @ (sharp - mean))
        soft = _soft(patches).astype(np.float64)
        middle = soft.mean(0)
        covariance = (soft - middle).T @ (soft - middle) / len(soft)
        values, vectors = np.linalg.eigh(covariance)
        values = (1 - SHRINK) * np.maximum(values, 0) + SHRINK * values.mean() + 1e-9
        arrays = {
            "mean": mean, "axes": axes[:, -AXES:], "middle": middle,
            "whiten": vectors / np.sqrt(values),
        }  # fmt: skip
        arrays = {name: value.astype(np.float32) for name, value in arrays.items()}
        return cls({**arrays, "known": patches}, grid)

    @classmethod
    def read(cls, path: Path, grid: Grid) -> Baselines:
        with open_npz(path) as arrays:
            return cls(dict(arrays), grid)

    def write(self, path: Path) -> None:
        with replacing(path) as file:
            np.savez_compressed(file, **self.arrays)  # type: ignore[arg-type]

    def score(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [N, H, W, C] -> by name, [N]: the mean of the most unusual tenth of the patches."""
        found: dict[str, list[np.ndarray]] = {name: [] for name in NAMES}
        step = max(1, CHUNK // self.grid.count)
        for start in range(0, len(images), step):
            patches = self.cut(images[start : start + step])
            for name, scores in self._patches(patches).items():
                found[name].append(self.grid.worst(scores))
        return {name: np.concatenate(scores) for name, scores in found.items()}

    def map(self, images: np.ndarray) -> np.ndarray:
        """Heat-map: the residual after projection on the principal axes, blurred, [N, H, W]."""
        maps, step = [], max(1, CHUNK // self.grid.count)
        for start in range(0, len(images), step):
            small = _small(self.cut(images[start : start + step]))
            rest = self._rest(to_float(small).reshape(len(small), -1)).reshape(small.shape)
            soft = np.square(blurred(tf.constant(rest)).numpy()).mean(-1)
            factor = self.grid.side // soft.shape[1]
            whole = soft.repeat(factor, 1).repeat(factor, 2)
            maps.append(self.grid.merge(tf.constant(whole)).numpy())
        return np.concatenate(maps)

    def cut(self, images: np.ndarray) -> np.ndarray:
        images = images[..., None] if images.ndim == 3 else images
        return self.grid.cut(tf.constant(images)).numpy() if self.grid.count > 1 else images

    def _rest(self, sharp: np.ndarray) -> np.ndarray:
        apart = sharp - self.arrays["mean"]
        return apart - (apart @ self.arrays["axes"]) @ self.arrays["axes"].T

    def _patches(self, patches: np.ndarray) -> dict[str, np.ndarray]:
        sharp = to_float(_small(patches)).reshape(len(patches), -1)
        soft = _soft(patches)
        white = (soft - self.arrays["middle"]) @ self.arrays["whiten"]
        apart = np.square(soft).sum(1)[:, None] - 2 * soft @ self.known.T + self.square
        return {
            "pca": np.square(self._rest(sharp)).mean(1),
            "mahalanobis": np.square(white).mean(1),
            "nearest": apart.min(1),
        }


def _small(patches: np.ndarray) -> np.ndarray:
    """Halved while a patch holds too many values for a covariance."""
    while np.prod(patches.shape[1:]) > MOST and patches.shape[1] % 2 == 0:
        n, side, _, channels = patches.shape
        blocks = patches.reshape(n, side // 2, 2, side // 2, 2, channels)
        patches = np.rint(blocks.mean((2, 4))).astype(np.uint8)
    return patches


def _soft(patches: np.ndarray) -> np.ndarray:
    small = _small(patches)
    return blurred(tf.constant(to_float(small))).numpy().reshape(len(small), -1)
