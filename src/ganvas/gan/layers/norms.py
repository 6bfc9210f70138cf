"""Normalisations: with correct second-order gradients, conditional, and per pixel."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...base.compat.keras import OwnMoments
from ...base.types import LayerShape, Tensor

KINDS = ("batch", "group", "layer", "pixel")


@keras.saving.register_keras_serializable("ganvas")
class ConditionalNorm(keras.layers.Layer):
    """A normalisation whose scale and shift depend on the label.

    Args:
        classes: number of classes.
        kind: "batch", "group", "layer" or "pixel".
        groups: for "group": the largest divisor of the number of channels up to this is used.

    Shapes: ([N, H, W, C], label int [N]) -> [N, H, W, C].
    Source: Dumoulin et al. 2017, arXiv:1610.07629, eq. 5; in GANs Miyato & Koyama 2018,
        arXiv:1802.05637; groups: Wu & He 2018, arXiv:1803.08494.
    """

    def __init__(self, classes: int, kind: str = "batch", groups: int = 8, **options: Any) -> None:
        super().__init__(**options)
        if kind not in KINDS:
            raise ValueError(f"norm must be one of {', '.join(KINDS)}, got '{kind}'")
        self.classes = classes
        self.kind = kind
        self.groups = groups

    def build(self, input_shape: LayerShape) -> None:
        shape, _ = input_shape
        # Not the global policy at the time of `build`.
        own = {"dtype": self.dtype_policy}
        self.norm = plain_norm(self.kind, shape[-1], self.groups, affine=False, **own)
        self.norm.build(shape)
        table = (self.classes, shape[-1])
        self.scale = self.add_weight(shape=table, initializer="ones", name="scale")
        self.shift = self.add_weight(shape=table, initializer="zeros", name="shift")

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        x, label = inputs
        options = {"training": training} if self.kind == "batch" else {}
        x = self.norm(x, **options)
        scale, shift = (
            tf.cast(tf.gather(tf.convert_to_tensor(table), label), x.dtype)[:, None, None]
            for table in (self.scale, self.shift)
        )
        return x * scale + shift

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        own = {"classes": self.classes, "kind": self.kind, "groups": self.groups}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("ganvas")
class PixelNorm(keras.layers.Layer):
    """Scales each pixel's channels to a mean square of 1.

    Shapes: [N, H, W, C] -> the same.
    Source: Karras et al. 2018, arXiv:1710.10196, section 4.2.
    """

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * tf.math.rsqrt(
            tf.reduce_mean(tf.square(inputs), axis=-1, keepdims=True) + 1e-8
        )

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape


@keras.saving.register_keras_serializable("ganvas")
class BatchNorm(OwnMoments):
    """Keras's, with correct second-order gradients in training, and common running statistics of
    all replicas.

    `tf.nn.moments` stops the gradient through the mean inside the variance: the first derivative
    is correct, but the second, which a gradient penalty needs, is not. In Keras, each replica has
    its own running statistics.
    """

    def add_weight(self, *args: Any, trainable: bool = True, **options: Any) -> Tensor:
        if not trainable:
            options["aggregation"] = "mean"
        return super().add_weight(*args, trainable=trainable, **options)

    def moments_of(self, inputs: Tensor, axes: list[int]) -> tuple[Tensor, Tensor]:
        mean, variance = moments(inputs, axes)
        return tf.reshape(mean, (-1,)), tf.reshape(variance, (-1,))


@keras.saving.register_keras_serializable("ganvas")
class GroupNorm(keras.layers.Layer):
    """Normalises each group of an image's channels to mean 0 and variance 1; `BatchNorm` says why
    not Keras's.

    Args:
        groups: it divides the channels; 1 normalises over the whole image, as WGAN-GP does.
        affine: whether a learned scale and shift per channel follow.

    Shapes: [N, H, W, C] -> the same.
    Source: Wu & He 2018, arXiv:1803.08494; one group: Ba et al. 2016, arXiv:1607.06450.
    """

    def __init__(self, groups: int, affine: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.groups = groups
        self.affine = affine

    def build(self, input_shape: LayerShape) -> None:
        if self.affine:
            shape = (input_shape[-1],)
            self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")
            self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")

    def call(self, inputs: Tensor) -> Tensor:
        height, width, channels = inputs.shape[1:]
        x = tf.reshape(inputs, (-1, height, width, self.groups, channels // self.groups))
        mean, variance = moments(x, [1, 2, 4])
        x = tf.cast(x, mean.dtype)
        x = (x - mean) * tf.math.rsqrt(variance + 1e-3)
        x = tf.cast(tf.reshape(x, (-1, height, width, channels)), inputs.dtype)
        if self.affine:
            x = x * tf.cast(self.scale, x.dtype) + tf.cast(self.shift, x.dtype)
        return x

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "affine": self.affine}


def moments(x: tf.Tensor, axes: list[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance, at least in float32, with gradients through both."""
    x = tf.cast(x, tf.float32) if x.dtype in (tf.bfloat16, tf.float16) else x
    mean = tf.reduce_mean(x, axes, keepdims=True)
    return mean, tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)


def plain_norm(
    kind: str, channels: int, groups: int = 8, affine: bool = True, **options: Any
) -> keras.Layer:
    """The normalisation of this kind for maps of so many channels."""
    if kind == "batch":
        return BatchNorm(momentum=0.9, center=affine, scale=affine, **options)
    if kind == "pixel":
        return PixelNorm(**options)
    if kind == "layer":  # over all of an image, as in WGAN-GP
        return GroupNorm(1, affine, **options)
    divides = max(n for n in range(1, groups + 1) if channels % n == 0)
    return GroupNorm(divides, affine, **options)
