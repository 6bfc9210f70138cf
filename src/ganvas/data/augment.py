"""Augmentation of the real images. It changes the data that the generator imitates: a flipped
training set gives flipped samples. `ganvas.gan.augment` does not leak into samples.
"""

from __future__ import annotations

import tensorflow as tf

from ganvas.data.options import Options
from ganvas.data.order import uniform

from ..base.types import Tensor


def augment(images: Tensor, ks: Tensor, seed: int, options: Options) -> Tensor:
    """Shifts and recolours image k by numbers that depend only on (seed, k).

    Shapes: float [B, H, W, C] in [-1, 1], ks int64 [B] -> the same.
    """
    if options.flip or options.shift or options.zoom:
        images = _move(images, ks, seed, options)
    if options.jitter:
        images = _tint(images, ks, seed, options.jitter)
    return images


def _move(images: Tensor, ks: Tensor, seed: int, options: Options) -> Tensor:
    """Flip, shift and zoom as one resampling; the border is reflected.

    Without zoom, shifts are by whole pixels, so that nothing is blurred.
    """
    height, width = images.shape[1:3]
    scale = 1 / (1 + options.zoom * uniform(ks, seed, "zoom"))
    flipped = uniform(ks, seed, "flip") < 0.5 if options.flip else tf.zeros_like(ks, tf.bool)
    zero = tf.zeros_like(scale)

    def corner(side: int, purpose: str) -> Tensor:
        spread = float(int(options.shift * side))
        shift = tf.floor(uniform(ks, seed, purpose + " shift") * (2 * spread + 1)) - spread
        room = (1 - scale) * (side - 1)
        return shift + room * uniform(ks, seed, purpose + " crop")

    left, top = corner(width, "x"), corner(height, "y")
    left = tf.where(flipped, width - 1 - left, left)
    across = tf.where(flipped, -scale, scale)
    return warp(images, [across, zero, left, zero, scale, top], "REFLECT")


def warp(images: Tensor, matrix: Tensor, border: str) -> tf.Tensor:
    """Resamples images by affine maps, bilinearly: float32 [B, H, W, C] -> the same.

    Args:
        matrix: a, b, c, d, e, f, each [B]: output pixel (x, y) shows input pixel
            (a x + b y + c, d x + e y + f).
        border: values outside the image: "REFLECT" or "NEAREST".
    """
    zero = tf.zeros_like(matrix[0])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.cast(tf.stack([*matrix, zero, zero], axis=1), tf.float32),
        output_shape=images.shape[1:3],
        interpolation="BILINEAR",
        fill_mode=border,
        fill_value=0.0,
    )


def _tint(images: Tensor, ks: Tensor, seed: int, strength: float) -> Tensor:
    """Brightness by up to strength / 2, contrast and saturation by up to strength; not alpha."""

    def amount(purpose: str) -> Tensor:
        return strength * (2 * uniform(ks, seed, purpose) - 1)[:, None, None, None]

    channels = images.shape[-1]
    colours = 3 if channels > 2 else 1
    tinted, alpha = images[..., :colours], images[..., colours:]
    tinted += amount("brightness") / 2
    mean = tf.reduce_mean(tinted, axis=[1, 2, 3], keepdims=True)
    tinted = mean + (tinted - mean) * (1 + amount("contrast"))
    if colours == 3:
        grey = tf.reduce_mean(tinted, axis=3, keepdims=True)
        tinted = grey + (tinted - grey) * (1 + amount("saturation"))
    return tf.concat([tf.clip_by_value(tinted, -1, 1), alpha], axis=3)
