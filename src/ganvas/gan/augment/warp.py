"""Affine warps with exact gradients of second order.

`ImageProjectiveTransformV3` is faster, but its gradient is the inverse warp, which is not the
transpose: it is correct only for shifts by whole pixels. The gradient of gathering and weighting
four neighbours is exact.
"""

from __future__ import annotations

import tensorflow as tf

from .base import gather_pixels


def warp(images: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """Bilinear warp; beyond the border the image continues mirrored.

    Args:
        matrices: map a pixel's position [x, y, 1] from the centre, in pixels, to its source.

    Shapes: [B, H, W, C], float32 [B, 2, 3] -> [B, H, W, C].
    """
    height, width = images.shape[1:3]
    x = tf.range(width, dtype=tf.float32) - (width - 1) / 2
    y = tf.range(height, dtype=tf.float32) - (height - 1) / 2
    places = tf.stack([*tf.meshgrid(x, y), tf.ones((height, width))])  # [3, H, W]
    source = tf.tensordot(matrices, places, 1)  # [B, 2, H, W]
    left, across = _neighbours(source[:, 0] + (width - 1) / 2, width)
    top, down = _neighbours(source[:, 1] + (height - 1) / 2, height)
    total = tf.zeros_like(images)
    for rows, row_share in ((top, 1 - down), (tf.minimum(top + 1, height - 1), down)):
        for columns, share in ((left, 1 - across), (tf.minimum(left + 1, width - 1), across)):
            weight = tf.cast(row_share * share, images.dtype)[..., None]
            total += weight * gather_pixels(images, rows, columns)
    return total


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
