"""Whether a tile has the structure of its texture, by a frozen network.

Patches of pixels cannot tell: a picture of noise with the same spectrum has nearly the same
covariances. The inner maps of EfficientNet-Lite0 can.
"""

from __future__ import annotations

import numpy as np

from ...evaluation.frechet import Moments, frechet_distance
from ...features.bundled import inner_maps
from .crops import cut_from
from .torus import rng_of

ALIKE = 0.15
"""Up to this distance a tile has the structure of its texture. Medians of benchmarks/patterns.py:
moved 0.04, quilted 0.08 (at most 0.14), random blocks side by side 0.23 (at least 0.16), blurred by
2 pixels 0.29, noise of the same spectrum 0.54."""
SIDE, WINDOWS, AXES = 256, 4, 32


class Likeness:
    """Compares tiles with one texture, uint8 [H, W, 3] of 64 pixels a side and more."""

    def __init__(self, texture: np.ndarray):
        # Smaller than the texture: its windows must lie as differently as those of a tile.
        self.side = min(SIDE, 3 * min(texture.shape[:2]) // 4 // 16 * 16)
        self.count = WINDOWS * (SIDE // self.side) ** 2  # the same area
        self.network = inner_maps((self.side, self.side))
        self.bases = [_Base(maps) for maps in self._maps(texture)]

    def distance(self, tile: np.ndarray) -> float:
        """How far the tile is: 0 is the same; 1 is as far as a surface of one colour, or further.

        The Frechet distance of the values at all places of a map, in 32 principal components,
        over their variance; the larger one of the maps of stride 8 and 16.

        Shapes: uint8 [H, W, 3].
        """
        copies = [-(-self.side // side) + 1 for side in tile.shape[:2]]
        wide = np.tile(tile, (*copies, 1))
        found = zip(self.bases, self._maps(wide), strict=True)
        return round(max(base.distance(maps) for base, maps in found), 4)

    def _maps(self, image: np.ndarray) -> list[np.ndarray]:
        """The values of two maps at all places of some windows, without those at the borders."""
        windows = cut_from(image, self.count, self.side, rng_of(0, 5), closed=False)
        fine, _, coarse, _ = self.network(windows.astype(np.float32), training=False)
        return [
            np.asarray(maps)[:, 1:-1, 1:-1].reshape(-1, maps.shape[-1]) for maps in (fine, coarse)
        ]


class _Base:
    """The principal components of a texture's maps, and their moments."""

    def __init__(self, maps: np.ndarray):
        self.mean, self.spread = maps.mean(axis=0), maps.std(axis=0) + 1e-6
        values, vectors = np.linalg.eigh(np.cov((maps - self.mean) / self.spread, rowvar=False))
        self.axes, self.variance = vectors[:, -AXES:], float(values[-AXES:].sum())
        self.moments = self._of(maps)

    def distance(self, maps: np.ndarray) -> float:
        return frechet_distance(self.moments, self._of(maps)) / max(self.variance, 1e-9)

    def _of(self, maps: np.ndarray) -> Moments:
        return Moments.of((maps - self.mean) / self.spread @ self.axes)
