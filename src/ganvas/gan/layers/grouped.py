"""Grouped convolution."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...base.types import LayerShape, Tensor


@keras.saving.register_keras_serializable("ganvas")
class GroupedConv2D(keras.layers.Layer):
    """A convolution in which each group of channels depends only on itself; without bias.

    Differs: split, one convolution per group, concatenation. `keras.layers.Conv2D(groups=...)`
    needs XLA on a CPU, forward and backward: a hundred times slower, and few targets run such a
    SavedModel.

    Args:
        kernel: side of the kernel.
        groups: number of groups; it divides the number of channels, which stays the same.

    Shapes: [N, H, W, C] -> the same.
    Source: Xie et al. 2017, arXiv:1611.05431.
    """

    def __init__(
        self, groups: int, kernel: int = 3, kernel_initializer: str = "he_normal", **options: Any
    ) -> None:
        super().__init__(**options)
        self.groups = groups
        self.kernel_size = kernel
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: LayerShape) -> None:
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(f"{channels} channels cannot be divided into {self.groups} groups")
        side = self.kernel_size
        self.kernel = self.add_weight(
            shape=(side, side, channels // self.groups, channels),
            initializer=self.kernel_initializer, name="kernel",
        )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        parts = zip(tf.split(inputs, self.groups, 3), tf.split(kernel, self.groups, 3), strict=True)
        return tf.concat([tf.nn.conv2d(x, k, 1, "SAME") for x, k in parts], 3)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"groups": self.groups, "kernel": self.kernel_size}
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), **own, "kernel_initializer": initializer}
