"""Packing: one logit for several images."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...base.types import LayerShape, Tensor


@keras.saving.register_keras_serializable("ganvas")
class Pack(keras.layers.Layer):
    """Joins the last axis of `count` neighbours of the batch, so that a discriminator has one logit
    per pack: a pack of similar images differs clearly from a pack of real ones.

    Args:
        count: images per pack; the batch must be a multiple of it.

    Shapes: [N, ..., C] -> [N / count, ..., count * C].
    Source: Lin et al. 2018, arXiv:1712.04086, section 3.
    """

    def __init__(self, count: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.count = count

    def call(self, inputs: Tensor) -> Tensor:
        inner = inputs.shape[1:]
        packs = tf.reshape(inputs, (-1, self.count, *inner))
        axes = (0, *range(2, len(inner) + 1), 1, len(inner) + 1)
        return tf.reshape(tf.transpose(packs, axes), (-1, *inner[:-1], self.count * inner[-1]))

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return (None, *input_shape[1:-1], self.count * input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}
