"""Doubling and halving of maps with a FIR filter, against aliasing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...base.types import LayerShape, Tensor


class _FIR(keras.layers.Layer):
    """A filter of few taps along height and width, as one depthwise convolution with constant
    weights. It is linear, so gradients of every order are exact, and INT8 works on every target."""

    def __init__(self, taps: Sequence[float] = (1, 3, 3, 1), **options: Any) -> None:
        super().__init__(**options)
        if not 1 <= len(taps) <= 8 or sum(taps) <= 0:
            raise ValueError(f"taps must be 1 to 8 numbers with a sum > 0, got {list(taps)}")
        self.taps = [float(tap) / sum(taps) for tap in taps]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "taps": self.taps}

    def filtered(self, x: tf.Tensor, before: int, stride: int, gain: float) -> tf.Tensor:
        """ceil(H / stride) x ceil(W / stride) pixels, the first with `before` taps outside."""
        taps = len(self.taps)
        edges = [(before, (size - 1) // stride * stride + taps - size - before)
                 for size in x.shape[1:3]]  # fmt: skip
        x = tf.pad(x, [(0, 0), *((first, max(0, last)) for first, last in edges), (0, 0)])
        kernel = gain * np.outer(self.taps, self.taps)[:, :, None, None]
        kernel = tf.constant(np.tile(kernel, (1, 1, x.shape[3], 1)), x.dtype)
        return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "VALID")


@keras.saving.register_keras_serializable("ganvas")
class Downsample(_FIR):
    """Halves height and width (odd sizes are rounded up), zeros beyond the border.

    Args:
        taps: the filter; (1, 3, 3, 1) smooth, (1, 2, 1) bilinear, (1, 1) average pooling.

    Shapes: [N, H, W, C] -> [N, (H + 1) // 2, (W + 1) // 2, C].
    Source: Zhang 2019, arXiv:1904.11486.
    """

    def call(self, inputs: Tensor) -> Tensor:
        return self.filtered(inputs, (len(self.taps) - 1) // 2, stride=2, gain=1)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        batch, height, width, channels = input_shape
        return (batch, (height + 1) // 2, (width + 1) // 2, channels)


@keras.saving.register_keras_serializable("ganvas")
class Upsample(_FIR):
    """Doubles height and width: zeros between the pixels, then the filter.

    Args:
        taps: the filter; (1, 3, 3, 1) smooth, (1, 2, 1) bilinear, (1, 1) nearest neighbour.

    Shapes: [N, H, W, C] -> [N, 2 H, 2 W, C].
    Source: Karras et al. 2020, arXiv:1912.04958, appendix B; Zhang 2019, arXiv:1904.11486.
    """

    def call(self, inputs: Tensor) -> Tensor:
        _, height, width, channels = inputs.shape
        x = tf.pad(inputs, [(0, 0), (0, 0), (0, 0), (0, channels)])  # a zero after every pixel,
        x = tf.reshape(x, [-1, height, 2 * width * channels])
        x = tf.pad(x, [(0, 0), (0, 0), (0, 2 * width * channels)])  # zeros after every row
        x = tf.reshape(x, [-1, 2 * height, 2 * width, channels])
        return self.filtered(x, len(self.taps) // 2, stride=1, gain=4)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)
