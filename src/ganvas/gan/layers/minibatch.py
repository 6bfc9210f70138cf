"""Layers that give a discriminator the similarity of the images of a batch."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ...base.types import LayerShape, Tensor


@keras.saving.register_keras_serializable("ganvas")
class MinibatchDiscrimination(keras.layers.Layer):
    """Appends to each image's features its similarity to the other images of the batch.

    M_i = f_i T as `kernels` rows of length `length`; o_ib = sum over j != i of
    exp(-|M_ib - M_jb|_1) - 1 as bias. The kernels of T are unit vectors times exp(scale). The
    value depends on the batch size, so keep real and fake batches apart and equal.

    Args:
        kernels: B, the number of similarities.
        length: C, the dimension in which each is computed.

    Shapes: [N, A] -> [N, A + kernels].
    Source: Salimans et al. 2016, arXiv:1606.03498, section 3.2, with the weight normalisation
        of the authors' experiments.
    """

    def __init__(self, kernels: int = 100, length: int = 5, **options: Any) -> None:
        super().__init__(**options)
        self.kernels = kernels
        self.length = length

    def build(self, input_shape: LayerShape) -> None:
        self.directions = self.add_weight(
            shape=(input_shape[-1], self.kernels, self.length),
            initializer=keras.initializers.RandomNormal(stddev=0.05), name="directions",
        )  # fmt: skip
        shape = (self.kernels, self.length)
        self.scale = self.add_weight(shape=shape, initializer="zeros", name="scale")
        self.bias = self.add_weight(
            shape=(self.kernels,), initializer=keras.initializers.Constant(-1.0), name="bias"
        )

    def call(self, inputs: Tensor) -> Tensor:
        directions = tf.convert_to_tensor(self.directions)
        norms = tf.sqrt(tf.reduce_sum(tf.square(directions), axis=0) + 1e-12)
        projection = directions * (tf.exp(self.scale) / norms)
        rows = tf.tensordot(inputs, projection, 1)  # [N, B, C]
        # One sum per dimension: a sum over a last axis of length five is twice as slow.
        apart = tf.add_n([tf.abs(r[:, None] - r[None]) for r in tf.unstack(rows, axis=2)])
        near = tf.reduce_sum(tf.exp(-apart), axis=1) - 1  # [N, N, B] -> [N, B]; without itself
        return tf.concat([inputs, near + self.bias], axis=1)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return (*input_shape[:-1], input_shape[-1] + self.kernels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernels": self.kernels, "length": self.length}


@keras.saving.register_keras_serializable("ganvas")
class MinibatchStd(keras.layers.Layer):
    """Appends a channel: the mean standard deviation over groups of images of the batch.

    Args:
        group: images per group; fewer if it does not divide the batch.

    Shapes: [N, H, W, C] -> [N, H, W, C + 1].
    Source: Karras et al. 2018, arXiv:1710.10196, section 3; groups: arXiv:1812.04948.
    """

    def __init__(self, group: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.group = group

    def group_of(self, batch: int) -> int:
        """Images per group in a batch of this size."""
        return max(size for size in range(1, self.group + 1) if batch % size == 0)

    def call(self, inputs: Tensor) -> Tensor:
        # Sums over images are products of matrices: XLA compiles no broadcast in the gradient of a
        # penalty that is due in some steps only.
        shape, size = tf.shape(inputs), math.prod(inputs.shape[1:])
        groups = shape[0] // self.batch_group(inputs)
        member = tf.one_hot(tf.range(shape[0]) % groups, groups, dtype=inputs.dtype)  # [N, groups]
        share = member / tf.reduce_sum(member, axis=0)
        flat = tf.reshape(inputs, (-1, size))
        apart = flat - member @ tf.matmul(share, flat, transpose_a=True)
        spread = tf.sqrt(tf.matmul(share, tf.square(apart), transpose_a=True) + 1e-8)
        evenly = tf.ones((size, math.prod(inputs.shape[1:3])), inputs.dtype) / size
        plane = tf.reshape(member @ (spread @ evenly), (-1, *inputs.shape[1:3], 1))
        return tf.concat([inputs, plane], axis=3)

    def batch_group(self, inputs: Tensor) -> int | tf.Tensor:
        """Images per group; a tensor if the size of the batch is not known."""
        if inputs.shape[0]:
            return self.group_of(inputs.shape[0])
        sizes = tf.range(self.group, 0, -1)
        fits = tf.cast(tf.shape(inputs)[0] % sizes == 0, tf.int32)
        return sizes[tf.argmax(fits, output_type=tf.int32)]

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "group": self.group}
