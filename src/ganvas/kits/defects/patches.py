"""Where patches lie on an image, how they are cut out, and how their maps are merged.

Cutting is two gathers, merging two matrix products: both run in LiteRT as they are.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ...errors import UsageError

LARGEST = 64
"""Square images up to this side are one patch; others are cut into patches of `USUAL`."""
SMALLEST = 16
USUAL = 32
TOP = 0.1
"""Share of an image's patches whose mean is its score."""


class Grid:
    """Overlapping square patches, half a side apart, that cover an image.

    Args:
        size: (height, width) of the images in pixels.
        side: of a patch in pixels; None: the whole of a small square image, else 32.

    Raises: UsageError: an image below 16 pixels, or a patch that does not fit.
    """

    def __init__(self, size: tuple[int, int], side: int | None = None):
        self.size = size
        if side is None:
            small = size[0] == size[1] <= LARGEST
            side = size[0] if small else min(USUAL, *size)
        if not SMALLEST <= side <= min(*size, LARGEST):
            raise UsageError(
                f"patches must have {SMALLEST} to {LARGEST} px and fit the images of "
                f"{size[0]}×{size[1]} px, got {side} px"
            )
        self.side = side
        self.places = [_starts(length, side) for length in size]
        self.count = len(self.places[0]) * len(self.places[1])
        self._rows, self._columns = (
            _merging(length, starts, side) for length, starts in zip(size, self.places, strict=True)
        )

    def cut(self, images: tf.Tensor) -> tf.Tensor:
        """[N, H, W, C] -> [N * count, side, side, C], row by row of each image."""
        if self.count == 1:
            return images
        rows, columns = (np.array(starts)[:, None] + np.arange(self.side) for starts in self.places)
        channels = images.shape[-1]
        strips = tf.gather(images, rows.reshape(-1), axis=1)
        cut = tf.gather(strips, columns.reshape(-1), axis=2)
        shape = (-1, len(rows), self.side, len(columns), self.side * channels)
        cut = tf.transpose(tf.reshape(cut, shape), (0, 1, 3, 2, 4))
        return tf.reshape(cut, (-1, self.side, self.side, channels))

    @property
    def top(self) -> int:
        """How many of an image's patches make its score."""
        return max(1, round(TOP * self.count))

    def highest(self, scores: tf.Tensor) -> tf.Tensor:
        """`worst` in a graph: [N * count] -> [N]."""
        if self.count == 1:
            return scores
        return tf.reduce_mean(
            tf.math.top_k(tf.reshape(scores, (-1, self.count)), self.top).values, 1
        )

    def worst(self, scores: np.ndarray) -> np.ndarray:
        """Scores of patches, in the order of `cut` -> the mean of each image's highest, [N]."""
        return np.sort(scores.reshape(-1, self.count), 1)[:, -self.top :].mean(1)

    def merge(self, maps: tf.Tensor) -> tf.Tensor:
        """Maps of patches [N * count, side, side] -> [N, H, W]; where several overlap, their mean,
        each weighed by a window that falls towards its edge."""
        if self.count == 1:
            return maps
        rows, columns = (len(starts) for starts in self.places)
        tiled = tf.reshape(maps, (-1, rows, columns, self.side, self.side))
        tiled = tf.transpose(tiled, (0, 1, 3, 2, 4))
        tiled = tf.reshape(tiled, (-1, columns * self.side))
        wide = tf.reshape(tf.matmul(tiled, self._columns), (-1, rows * self.side, self.size[1]))
        tall = tf.reshape(tf.transpose(wide, (0, 2, 1)), (-1, rows * self.side))
        merged = tf.reshape(tf.matmul(tall, self._rows), (-1, self.size[1], self.size[0]))
        return tf.transpose(merged, (0, 2, 1))


def _starts(length: int, side: int) -> list[int]:
    """First pixels of patches along an axis; the last one ends at the edge."""
    starts = list(range(0, length - side + 1, max(1, side // 2)))
    return starts if starts[-1] == length - side else [*starts, length - side]


def _merging(length: int, starts: list[int], side: int) -> tf.Tensor:
    """The matrix [starts * side, length] that merges patches along an axis; weights sum to 1."""
    window = np.sin((np.arange(side) + 0.5) * np.pi / side) ** 2
    matrix = np.zeros((len(starts), side, length))
    for number, start in enumerate(starts):
        matrix[number, np.arange(side), start + np.arange(side)] = window
    merged = matrix.reshape(-1, length)
    return tf.constant(merged / merged.sum(0), tf.float32)
