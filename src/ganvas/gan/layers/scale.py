"""The small layers of R3GAN's networks."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...base.types import LayerShape, Tensor


@keras.saving.register_keras_serializable("ganvas")
class Bias(keras.layers.Layer):
    """Adds a learned number to each channel: [N, ..., C] -> the same."""

    def build(self, input_shape: LayerShape) -> None:
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs + tf.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape


@keras.saving.register_keras_serializable("ganvas")
class Basis(keras.layers.Layer):
    """A learned small map whose channels are scaled by the input vector.

    Args:
        height, width: of the map.

    Shapes: [N, C] -> [N, height, width, C].
    Source: Huang et al. 2024, arXiv:2501.05441, section 3.
    """

    def __init__(self, height: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.height = height
        self.width = width

    def build(self, input_shape: LayerShape) -> None:
        self.basis = self.add_weight(
            shape=(self.height, self.width, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=1.0), name="basis",
        )  # fmt: skip

    def call(self, inputs: Tensor) -> Tensor:
        return inputs[:, None, None] * tf.cast(self.basis, inputs.dtype)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return (input_shape[0], self.height, self.width, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("ganvas")
class Clip(keras.layers.Layer):
    """Clips images to [-1, 1], but not in training, where the discriminator must see values
    outside: [N, H, W, C] -> the same.
    """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return inputs if training else tf.clip_by_value(inputs, -1.0, 1.0)

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return input_shape
