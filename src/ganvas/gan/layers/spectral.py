"""Spectral normalisation."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from ...base.types import LayerShape, Tensor

KINDS = (
    keras.layers.Dense,
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.Embedding,
)


@keras.saving.register_keras_serializable("ganvas")
class SpectralNorm(keras.layers.Wrapper):
    """Divides the weights of a linear layer by their largest singular value sigma, so that the
    layer is 1-Lipschitz (up to the overlap of a convolution's windows).

    y = layer(x) / sigma + bias, which equals a layer with weights W / sigma, because the layer is
    linear. One power iteration per training call updates the stored singular vector u; gradients
    flow through sigma = v' W u, not through u and v. Inference has no iteration.

    Differs: `keras.layers.SpectralNormalization` overwrites the weights, without a gradient
    through sigma; this leaves them to the optimizer.

    Args:
        layer: Dense, Conv2D, Conv2DTranspose or Embedding, linear and without bias.
        use_bias: whether to add a bias.

    Shapes: those of the layer.
    Source: Miyato et al. 2018, arXiv:1802.05957, algorithm 1; kernels as [output, rest].
    """

    def __init__(self, layer: keras.Layer, use_bias: bool = True, **options: Any) -> None:
        super().__init__(layer, **options)
        linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
        if not isinstance(layer, KINDS) or getattr(layer, "use_bias", False) or not linear:
            raise ValueError(
                f"SpectralNorm got {layer.name}: it takes Dense, Conv2D, Conv2DTranspose or "
                "Embedding with use_bias=False and no activation"
            )
        self.use_bias = use_bias

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        width = self.matrix().shape[1]
        self.u = self.add_weight(
            shape=(width,), initializer="random_normal", trainable=False, name="u",
            aggregation="only_first_replica", autocast=False,
        )  # fmt: skip
        if self.use_bias:
            self.bias = self.add_weight(shape=(width,), initializer="zeros", name="bias")

    def matrix(self) -> tf.Tensor:
        """The weights as a matrix [rest, output]; float32 also in mixed precision."""
        embedding = isinstance(self.layer, keras.layers.Embedding)
        kernel = self.layer.embeddings if embedding else self.layer.kernel
        kernel = tf.cast(tf.convert_to_tensor(kernel), self.variable_dtype)
        if isinstance(self.layer, keras.layers.Conv2DTranspose):  # [h, w, output, input]
            kernel = tf.transpose(kernel, (0, 1, 3, 2))
        return tf.reshape(kernel, (-1, kernel.shape[-1]))

    def sigma(self, training: bool = False) -> tf.Tensor:
        """The current estimate of the largest singular value."""
        matrix, u = self.matrix(), tf.convert_to_tensor(self.u.value)
        v = _unit(tf.linalg.matvec(matrix, u))
        if training:
            u = _unit(tf.linalg.matvec(matrix, v, transpose_a=True))
            self.u.assign(tf.stop_gradient(u))
        v, u = tf.stop_gradient(v), tf.stop_gradient(_unit(u))
        return tf.tensordot(v, tf.linalg.matvec(matrix, u), 1)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        y = self.layer(inputs)
        y /= tf.cast(self.sigma(training), y.dtype)
        return y + tf.cast(self.bias, y.dtype) if self.use_bias else y

    def compute_output_shape(self, input_shape: LayerShape) -> LayerShape:
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "use_bias": self.use_bias}


def _unit(x: tf.Tensor) -> tf.Tensor:
    return x / (tf.norm(x) + 1e-12)
