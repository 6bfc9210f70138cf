"""Padding on a torus."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...base.types import LayerShape, Tensor


@keras.saving.register_keras_serializable("ganvas")
class WrapPad(keras.layers.Layer):
    """Extends a map beyond each border with the rows or columns of the opposite border.

    A stack of these, each before a convolution without padding, is periodic by construction and
    treats all positions alike: there is no border.

    Args:
        size: rows and columns added on each side; at most the map's own sides.

    Shapes: [N, H, W, C] -> [N, H + 2 size, W + 2 size, C]; H and W may be unknown.
    """

    def __init__(self, size: int = 1, **options: Any) -> None:
        super().__init__(**options)
        if size < 1:
            raise ValueError(f"size must be >= 1, got {size}")
        self.size = size

    def build(self, input_shape: LayerShape) -> None:
        sides = [side for side in input_shape[1:3] if side is not None]
        if min(sides, default=self.size) < self.size:
            raise ValueError(
                f"a map of {input_shape[1]} × {input_shape[2]} cannot be wrapped by {self.size}: "
                "no side may be smaller"
            )

    def call(self, inputs: Tensor) -> Tensor:
        size = self.size
        x = tf.concat([inputs[:, -size:], inputs, inputs[:, :size]], axis=1)
        return tf.concat([x[:, :, -size:], x, x[:, :, :size]], axis=2)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        batch, *sides, channels = input_shape
        return (batch, *(side and side + 2 * self.size for side in sides), channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}
