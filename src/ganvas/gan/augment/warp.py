"""Affine warps with exact gradients of second order.

`ImageProjectiveTransformV3` is faster, but its gradient is the inverse warp, which is not the
transpose: it is correct only for shifts by whole pixels. A warp is a linear map of the pixels, a
matrix with four numbers in each row: `_gathered` multiplies by it and `_spread` by its transpose,
and each is the gradient of the other.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from ...base.types import Tensor


@dataclasses.dataclass(frozen=True)
class _Corners:
    """The four neighbours of each position, of a batch of P pixels.

    Attributes:
        places: int32 [4, P], the number of the pixel in the batch.
        weights: float32 [4, P].
        xla: whether XLA compiles this, which has no sparse products.
    """

    places: tf.Tensor
    weights: tf.Tensor
    xla: bool

    def here(self) -> _Corners:
        """The same in the current graph: the gradient of a branch is a graph of its own, and its
        gradient cannot read tensors of the first."""
        return _Corners(tf.identity(self.places), tf.identity(self.weights), self.xla)


def warp(images: tf.Tensor, matrices: tf.Tensor, xla: bool = False) -> tf.Tensor:
    """Bilinear warp; beyond the border the image continues mirrored.

    Args:
        matrices: map a pixel's position [x, y, 1] from the centre, in pixels, to its source. They
            have no gradient.
        xla: whether XLA compiles the step.

    Shapes: [B, H, W, C], float32 [B, 2, 3] -> [B, H, W, C].
    """
    height, width, channels = images.shape[1:]
    x = tf.range(width, dtype=tf.float32) - (width - 1) / 2
    y = tf.range(height, dtype=tf.float32) - (height - 1) / 2
    places = tf.stack([*tf.meshgrid(x, y), tf.ones((height, width))])  # [3, H, W]
    source = tf.tensordot(matrices, places, 1)  # [B, 2, H, W]
    left, across = _neighbours(source[:, 0] + (width - 1) / 2, width)
    top, down = _neighbours(source[:, 1] + (height - 1) / 2, height)
    right = tf.minimum(left + 1, width - 1)
    first = (tf.range(tf.shape(images)[0]) * height * width)[:, None, None]
    above, below = top * width + first, tf.minimum(top + 1, height - 1) * width + first
    numbers = tf.stack([above + left, above + right, below + left, below + right])
    weights = tf.stack(
        [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]
    )
    corners = _Corners(tf.reshape(numbers, (4, -1)), tf.reshape(weights, (4, -1)), xla)
    pixels = _gathered(tf.reshape(images, (-1, channels)), corners)
    return tf.reshape(pixels, (-1, height, width, channels))


def _gathered(pixels: Tensor, corners: _Corners) -> Tensor:
    """The weighted sum of the four neighbours of each position: [P, C] -> [P, C]."""

    corners = corners.here()

    def operation(pixels: Tensor) -> Any:
        total = tf.zeros_like(pixels)
        for places, weights in zip(
            *map(tf.unstack, (corners.places, corners.weights)), strict=True
        ):
            total += tf.cast(weights, pixels.dtype)[:, None] * tf.gather(pixels, places)
        return total, lambda g: _spread(g, corners)

    return tf.custom_gradient(operation)(pixels)


def _spread(pixels: Tensor, corners: _Corners) -> Tensor:
    """The transpose of `_gathered`: each value is added to the four neighbours of its position."""

    corners = corners.here()

    def operation(pixels: Tensor) -> Any:
        count = tf.shape(pixels)[0]
        weights = tf.cast(corners.weights, pixels.dtype)
        if corners.xla:
            parts = tf.reshape(weights[..., None] * pixels, (-1, pixels.shape[1]))
            total = tf.math.unsorted_segment_sum(parts, tf.reshape(corners.places, (-1,)), count)
        else:  # a third of the time
            rows = tf.tile(tf.range(count), [4])
            total = tf.raw_ops.SparseTensorDenseMatMul(
                a_indices=tf.stack([tf.reshape(corners.places, (-1,)), rows], axis=1),
                a_values=tf.reshape(weights, (-1,)),
                a_shape=tf.cast(tf.stack([count, count]), tf.int64),
                b=pixels,
            )
        return total, lambda g: _gathered(g, corners)

    return tf.custom_gradient(operation)(pixels)


def _neighbours(place: tf.Tensor, side: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The pixel before a position, int32, and the weight of the pixel after it."""
    turn = 2.0 * (side - 1)
    place = (side - 1) - tf.abs((side - 1) - tf.math.floormod(place, turn))
    whole = tf.floor(place + 1e-4)  # rounding may leave a position slightly below a whole pixel
    return tf.cast(whole, tf.int32), tf.maximum(place - whole, 0.0)


def identity(like: tf.Tensor) -> tf.Tensor:
    """float32 [B, 3, 3]."""
    return tf.tile(tf.eye(3)[None], (tf.shape(like)[0], 1, 1))


def scaling(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """[B], [B] -> [B, 3, 3]."""
    return tf.linalg.diag(tf.stack([x, y, tf.ones_like(x)], axis=1))


def rotation(angle: tf.Tensor) -> tf.Tensor:
    """[B] in radians -> [B, 3, 3]."""
    zero, cos, sin = tf.zeros_like(angle), tf.cos(angle), tf.sin(angle)
    return _matrix([[cos, -sin, zero], [sin, cos, zero], [zero, zero, zero + 1]])


def shift(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """[B], [B] in pixels -> [B, 3, 3]."""
    zero = tf.zeros_like(x)
    return _matrix([[zero + 1, zero, x], [zero, zero + 1, y], [zero, zero, zero + 1]])


def _matrix(rows: list[list[tf.Tensor]]) -> tf.Tensor:
    return tf.stack([tf.stack(row, axis=1) for row in rows], axis=1)
