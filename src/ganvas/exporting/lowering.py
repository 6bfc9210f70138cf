"""Lowering: a generator in operations that one delegate of LiteRT takes.

XNNPACK, the delegate for CPUs, has no RESIZE_NEAREST_NEIGHBOR, TILE, GATHER, or SPLIT into more
than four parts. Each of them cuts a file into parts that do not share the delegate's layout of
memory. The layers that become such operations are computed in other ways here, with the same
images up to rounding. The generator itself and its weights stay as they are.

What remains outside is one GATHER, which finds the row of a label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from ..base.compat.keras import Functional, run_graph
from ..base.types import Tensor
from ..gan.layers import ConditionalNorm, Conv2DTranspose, GroupedConv2D, Upsample
from ..gan.layers.strided import subpixel

Lowered = Callable[..., Tensor]
MOST = 256
"""Classes for which one-hot vectors are stored; their number grows with the square."""


def lowered(generator: keras.Model) -> Callable[[dict[str, Tensor]], Tensor]:
    """A function that computes the generator in inference mode: inputs by name -> images."""
    if not isinstance(generator, Functional):
        return lambda inputs: generator(inputs, training=False)
    return lambda inputs: run_graph(generator, inputs, _replacement)


def _replacement(operation: Any) -> Lowered | None:
    """How an operation of the generator's graph is computed; None: as it is."""
    make = LOWERED.get(type(operation))
    return make(operation) if make else None


def _embedding(layer: layers.Embedding) -> Lowered:
    """One GATHER, without Keras's rule for negative numbers."""
    return lambda label: tf.gather(tf.cast(layer.embeddings, layer.compute_dtype), label)


def _row(table: Tensor, label: Tensor) -> Tensor:
    """Rows of a table [K, D] for labels [N] -> [N, D].

    By a product with one-hot vectors, which is inside the delegate and has ranges of its own in
    int8; all tables share the look-up of the vector. The converter's ONE_HOT is not used: its
    zeros are not zero in int8.
    """
    classes = table.shape[0]
    if classes > MOST:
        return tf.gather(table, label)
    return tf.matmul(tf.gather(tf.eye(classes), label), table)


def _conditional_norm(layer: ConditionalNorm) -> Lowered:
    """With fixed moments, the norm and the scale and shift of a label are one scale and shift."""
    scale, shift = (tf.cast(table, tf.float32) for table in (layer.scale, layer.shift))
    norm = layer.norm
    if layer.kind == "batch":
        factor = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
        shift = shift - norm.moving_mean * factor * scale
        scale = scale * factor

    def normalised(inputs: list[Tensor]) -> Tensor:
        x, label = inputs
        if layer.kind != "batch":
            x = norm(x)
        factors, terms = (
            tf.reshape(tf.cast(_row(table, label), x.dtype), (-1, 1, 1, x.shape[3]))
            for table in (scale, shift)
        )
        return x * factors + terms

    return normalised


def _nearest(layer: layers.UpSampling2D) -> Lowered | None:
    height, width = layer.size
    if layer.interpolation != "nearest" or height != width or layer.data_format != "channels_last":
        return None
    if height == 1:
        return tf.identity
    # The channels of a pixel, once for each of the pixels that it becomes.
    return lambda x: tf.nn.depth_to_space(tf.concat([x] * height * width, 3), height)


def _repeated(layer: layers.RepeatVector) -> Lowered:
    """[N, C] -> [N, n, C]: a map of one pixel, resized."""

    def repeated(x: Tensor) -> Tensor:
        pixel = tf.reshape(x, (-1, 1, 1, x.shape[1]))
        whole = tf.compat.v1.image.resize_bilinear(pixel, (layer.n, 1))
        return tf.reshape(whole, (-1, layer.n, x.shape[1]))

    return repeated


def _grouped(layer: GroupedConv2D) -> Lowered:
    """Files have convolutions in groups; TensorFlow on a CPU has them only with XLA."""
    return lambda x: tf.nn.conv2d(x, tf.cast(layer.kernel, x.dtype), 1, "SAME")


def _upsample(layer: Upsample) -> Lowered | None:
    """Doubling with the taps (1, 2, 1) is linear interpolation, with zeros beyond the border."""
    if layer.taps != [0.25, 0.5, 0.25]:
        return None

    def doubled(x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        x = tf.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
        x = tf.compat.v1.image.resize_bilinear(x, (2 * height + 2, 2 * width + 2))
        return x[:, : 2 * height, : 2 * width]

    return doubled


def _transposed(layer: layers.Conv2DTranspose) -> Lowered | None:
    """Of stride 2: the delegate takes TRANSPOSE_CONV, but computes its sub-pixel form faster."""
    plain = {
        "strides": (2, 2), "dilation_rate": (1, 1), "output_padding": None,
        "data_format": "channels_last", "groups": 1, "lora_rank": None,
    }  # fmt: skip
    height, width = layer.kernel_size
    if height != width or any(getattr(layer, k, value) != value for k, value in plain.items()):
        return None

    def convolved(x: Tensor) -> Tensor:
        size = layer.compute_output_shape(x.shape)[1:3]
        y = subpixel(x, tf.cast(layer.kernel, x.dtype), size, layer.padding.upper())
        if layer.use_bias:
            y += tf.cast(layer.bias, x.dtype)
        return y if layer.activation is None else layer.activation(y)

    return convolved


LOWERED: dict[type, Callable[[Any], Lowered | None]] = {
    layers.Conv2DTranspose: _transposed,
    layers.Embedding: _embedding,
    layers.RepeatVector: _repeated,
    layers.UpSampling2D: _nearest,
    Conv2DTranspose: _transposed,
    ConditionalNorm: _conditional_norm,
    GroupedConv2D: _grouped,
    Upsample: _upsample,
}
"""By the exact class: a subclass may compute something else."""
