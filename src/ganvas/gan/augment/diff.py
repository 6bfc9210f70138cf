"""DiffAugment: three simple changes, always applied."""

from __future__ import annotations

import tensorflow as tf

from ...base.types import Tensor
from .base import Augment, gather_pixels, policy_names, split_alpha

POLICIES = ("colour", "translation", "cutout")
SHIFT = 1 / 8
CUT = 1 / 2


class DiffAugment(Augment):
    """Changes colours, shifts the image by up to an eighth of its sides, and sets a rectangle of
    half its sides to 0. For folders of hundreds to a few thousand images.

    Differs: brightness and contrast act on grey images too; alpha keeps its values.

    Args:
        policy: which of "colour", "translation" and "cutout", separated by commas.

    Source: Zhao et al. 2020, arXiv:2006.10738, section 3.3 and appendix.
    """

    def __init__(self, policy: str = "colour,translation,cutout") -> None:
        self.policy = policy
        names = policy_names(policy, POLICIES)
        changes = {"colour": recolour, "translation": translate, "cutout": cut_out}
        self._changes = [changes[name] for name in POLICIES if name in names]

    def __call__(self, images: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.experimental.stateless_split(seed, len(self._changes))
        for i, change in enumerate(self._changes):
            images = change(images, seeds[i])
        return images


def recolour(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Brightness by up to 0.5, saturation 0 to 2, contrast 0.5 to 1.5."""
    colours, alpha = split_alpha(images)
    brightness, saturation, contrast = (
        tf.cast(draw, images.dtype) for draw in tf.unstack(_uniform(images, seed, 3), axis=1)
    )
    colours += _each(brightness) - 0.5
    if colours.shape[-1] == 3:
        grey = tf.reduce_mean(colours, axis=3, keepdims=True)
        colours = grey + (colours - grey) * 2 * _each(saturation)
    mean = tf.reduce_mean(colours, axis=[1, 2, 3], keepdims=True)
    colours = mean + (colours - mean) * (0.5 + _each(contrast))
    return tf.concat([colours, alpha], axis=3)


def translate(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Shift by whole pixels; pixels from outside are 0."""
    reach = [int(side * SHIFT + 0.5) for side in images.shape[1:3]]
    rows, columns = (
        tf.cast(tf.floor(draw * (2 * most + 1)), tf.int32)
        for draw, most in zip(tf.unstack(_uniform(images, seed, 2), axis=1), reach, strict=True)
    )
    height, width = images.shape[1:3]
    padded = tf.pad(images, [(0, 0), *((most, most) for most in reach), (0, 0)])
    return gather_pixels(
        padded,
        tf.tile((rows[:, None] + tf.range(height))[:, :, None], (1, 1, width)),
        tf.tile((columns[:, None] + tf.range(width))[:, None], (1, height, 1)),
    )


def cut_out(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Set a rectangle of half the sides to 0; its centre is uniform over the image."""
    inside: list[tf.Tensor] = []
    for draw, side in zip(
        tf.unstack(_uniform(images, seed, 2), axis=1), images.shape[1:3], strict=True
    ):
        length = int(side * CUT + 0.5)
        first = tf.cast(tf.floor(draw * (side + 1 - length % 2)), tf.int32) - length // 2
        place = tf.range(side) - first[:, None]
        inside.append((place >= 0) & (place < length))
    hole = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return images * tf.cast(~hole, images.dtype)


def _uniform(images: tf.Tensor, seed: tf.Tensor, count: int) -> tf.Tensor:
    """`count` numbers in [0, 1) for each image, float32 [B, count]."""
    return tf.random.stateless_uniform((tf.shape(images)[0], count), seed, alg="philox")


def _each(draw: tf.Tensor) -> tf.Tensor:
    return draw[:, None, None, None]
