"""Self-attention over the positions of a map."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from ...base.types import LayerShape, Tensor
from .spectral import SpectralNorm


@keras.saving.register_keras_serializable("ganvas")
class SelfAttention(keras.layers.Layer):
    """Each position of a map depends on all others: for shapes that need many convolutions.

    y = x + gamma o(softmax(f(x) g(x)') h(x)), 1x1 convolutions, g and h on a map of half the
    size. gamma is initially 0, so that the layer is initially the identity.

    Args:
        spectral: normalise the four convolutions, as the paper does in both networks.

    Shapes: [N, H, W, C] -> the same; C at least 8.
    Source: Zhang et al. 2019, arXiv:1805.08318, section 3; the pooling from their experiments.
    """

    def __init__(self, spectral: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.spectral = spectral

    def build(self, input_shape: LayerShape) -> None:
        channels = input_shape[-1]
        if channels < 8:
            raise ValueError(f"SelfAttention needs at least 8 channels, got {channels}")
        self.query, self.key, self.value, self.out = (
            self._linear(width, name)
            for width, name in (
                (channels // 8, "query"), (channels // 8, "key"),
                (channels // 2, "value"), (channels, "out"),
            )
        )  # fmt: skip
        for layer in (self.query, self.key, self.value):
            layer.build(input_shape)
        self.out.build((*input_shape[:-1], channels // 2))
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def _linear(self, width: int, name: str) -> keras.Layer:
        own = {"dtype": self.dtype_policy}  # not the global policy at the time of `build`
        layer = layers.Conv2D(width, 1, use_bias=False, name=name, **own)
        return SpectralNorm(layer, use_bias=False, **own) if self.spectral else layer

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        options = {"training": training} if self.spectral else {}
        small = tf.nn.max_pool2d(inputs, 2, 2, "SAME")
        query, key, value = (
            self._positions(layer(x, **options))
            for layer, x in ((self.query, inputs), (self.key, small), (self.value, small))
        )
        attention = tf.nn.softmax(tf.matmul(query, key, transpose_b=True))  # [N, HW, HW / 4]
        mixed = tf.matmul(attention, value)
        height, width = inputs.shape[1:3]
        mixed = tf.reshape(mixed, (-1, height, width, mixed.shape[-1]))
        return inputs + tf.cast(self.gamma, inputs.dtype) * self.out(mixed, **options)

    @staticmethod
    def _positions(x: tf.Tensor) -> tf.Tensor:
        """[N, H, W, C] -> [N, HW, C]."""
        return tf.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "spectral": self.spectral}
