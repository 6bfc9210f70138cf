"""Convolutions of stride 2, in the cheaper of two exact forms.

The transposed convolution is slow on a CPU for some numbers of channels. It is equal to a
convolution of half the side at the coarse map, to four times the channels, whose channels then
become 2x2 pixels (Shi et al. 2016, arXiv:1609.07009).

`down`, `up` and `filt` are a strided convolution and its adjoints in the image and in the kernel.
Each is linear in both arguments, and the derivatives of each are the two others: hence gradients of
every order are exact in either form.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ...base.compat.tensorflow import onednn
from ...base.types import LayerShape, Tensor

Size = tuple[int, int]


@keras.saving.register_keras_serializable("ganvas")
class Conv2D(keras.layers.Conv2D):
    """Keras's, of stride 2 with a kernel of 3x3 or 4x4: while training, its gradients take the
    cheaper form.

    Shapes: [N, H, W, C] -> [N, h, w, filters]; H and W are known.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _check(self)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:  # files and servers get the operation that every target knows
            return super().call(inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        return _completed(self, down(inputs, kernel, self.padding.upper()))


@keras.saving.register_keras_serializable("ganvas")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras's, of stride 2 with a kernel of 3x3 or 4x4: in the cheaper form while training.

    Shapes: [N, h, w, C] -> [N, H, W, filters]; h and w are known.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _check(self)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:
            return super().call(inputs)
        _, height, width, _ = self.compute_output_shape(inputs.shape)
        kernel = tf.convert_to_tensor(self.kernel)
        return _completed(self, up(inputs, kernel, (height, width), self.padding.upper()))


def _check(layer: keras.Layer) -> None:
    plain = {
        "strides": (2, 2), "dilation_rate": (1, 1), "data_format": "channels_last",
        "groups": 1, "output_padding": None, "lora_rank": None,
    }  # fmt: skip
    wrong = [name for name, value in plain.items() if getattr(layer, name, value) != value]
    wrong += ["kernel_size"] * (layer.kernel_size not in ((3, 3), (4, 4)))
    if wrong:
        raise ValueError(
            f"{type(layer).__name__} of ganvas has stride 2 and a kernel of 3x3 or 4x4, got "
            f"another {wrong[0]}: use keras.layers.{type(layer).__name__}"
        )


def _completed(layer: keras.Layer, y: Tensor) -> Tensor:
    """With the layer's bias and activation."""
    if layer.use_bias:
        y += tf.convert_to_tensor(layer.bias)
    return y if layer.activation is None else layer.activation(y)


def plain(network: keras.Model) -> keras.Model:
    """The network with Keras's own layers in place of those above, so that its file can be read
    without them: itself if it has none, else a copy with other weights."""
    kinds = {Conv2D: keras.layers.Conv2D, Conv2DTranspose: keras.layers.Conv2DTranspose}

    def copy(layer: keras.Layer) -> keras.Layer:
        return kinds.get(type(layer), type(layer)).from_config(layer.get_config())

    if not any(type(layer) in kinds for layer in network.layers):
        return network
    return keras.models.clone_model(network, clone_function=copy)


def down(x: Tensor, kernel: Tensor, padding: str) -> Tensor:
    """A convolution of stride 2: [N, H, W, Cx], [k, k, Cx, Cy] -> [N, h, w, Cy].

    Args:
        padding: "SAME" or "VALID".
    """
    size, sides = tuple(x.shape[1:3]), tuple(kernel.shape[:2])

    def operation(x: Tensor, kernel: Tensor) -> Any:
        def gradients(g: Tensor) -> Any:
            return up(g, kernel, size, padding), filt(x, g, sides, padding)

        return tf.nn.conv2d(x, kernel, 2, padding), gradients

    return _exact(operation, x, kernel)


def up(y: Tensor, kernel: Tensor, size: Size, padding: str) -> Tensor:
    """The adjoint of `down` in x, a transposed convolution: [N, h, w, Cy], [k, k, Cx, Cy] ->
    [N, H, W, Cx] with `size` = (H, W)."""
    sides = tuple(kernel.shape[:2])
    form = subpixel if subpixel_pays(kernel.shape) else _native

    def operation(y: Tensor, kernel: Tensor) -> Any:
        def gradients(g: Tensor) -> Any:
            return down(g, kernel, padding), filt(g, y, sides, padding)

        return form(y, kernel, size, padding), gradients

    return _exact(operation, y, kernel)


def filt(x: Tensor, y: Tensor, sides: Size, padding: str) -> Tensor:
    """The adjoint of `down` in the kernel: [N, H, W, Cx], [N, h, w, Cy] -> [k, k, Cx, Cy] with
    `sides` = (k, k)."""
    size = tuple(x.shape[1:3])

    def operation(x: Tensor, y: Tensor) -> Any:
        def gradients(g: Tensor) -> Any:
            return up(y, g, size, padding), down(x, g, padding)

        filters = tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=(*sides, x.shape[3], y.shape[3]), out_backprop=y,
            strides=[1, 2, 2, 1], padding=padding,
        )  # fmt: skip
        return filters, gradients

    return _exact(operation, x, y)


def _exact(operation: Callable[[Tensor, Tensor], Any], *given: Tensor) -> Tensor:
    """An operation that gives its value and its gradients. Its tensors are made in the current
    graph: the gradient of a branch is a graph of its own, and its gradient cannot read others."""
    return tf.custom_gradient(operation)(*map(tf.identity, given))


def _native(y: Tensor, kernel: Tensor, size: Size, padding: str) -> Tensor:
    shape = (tf.shape(y)[0], *size, kernel.shape[2])
    return tf.nn.conv2d_transpose(y, kernel, shape, 2, padding)


def subpixel(y: Tensor, kernel: Tensor, size: Size, padding: str) -> Tensor:
    """A transposed convolution of stride 2 by a convolution at the coarse map: [N, h, w, Cy],
    [k, k, Cx, Cy] -> [N, H, W, Cx] with `size` = (H, W)."""
    side, _, channels, depth = kernel.shape
    fill, taps = side % 2, (side + 1) // 2
    kernel = tf.pad(kernel, ((0, fill), (0, fill), (0, 0), (0, 0))) if fill else kernel
    # Tap 2 a + b of a row is tap a of the small kernel for pixel b of each pair.
    kernel = tf.reverse(tf.reshape(kernel, (taps, 2, taps, 2, channels, depth)), (0, 2))
    kernel = tf.transpose(kernel, (0, 2, 5, 1, 3, 4))
    kernel = tf.reshape(kernel, (taps, taps, depth, 4 * channels))
    edge = (taps - 1, taps - 1)
    y = tf.pad(y, ((0, 0), edge, edge, (0, 0)))
    full = tf.nn.depth_to_space(tf.nn.conv2d(y, kernel, 1, "VALID"), 2)
    first = [_before(length, side) if padding == "SAME" else 0 for length in size]
    (top, left), (height, width) = first, size
    # Without padding, the last row of an odd image may belong to no window.
    missing = [max(0, length - whole) for length, whole in zip(size, full.shape[1:3], strict=True)]
    if any(missing):
        full = tf.pad(full, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)))
    return full[:, top : top + height, left : left + width]


def _before(length: int, side: int) -> int:
    """Zeros that TensorFlow's padding SAME puts before a row of this length."""
    return max((length + 1) // 2 * 2 - 2 + side - length, 0) // 2


def subpixel_pays(kernel: LayerShape) -> bool:
    """Whether the sub-pixel form is the cheaper one for a kernel [k, k, Cx, Cy] on this machine.

    It is constant on a machine, so that a resumed run has the same bits. The rule is from
    measurements on x86-64: oneDNN's transposed convolution is slow for up to four channels of the
    image, and that of Eigen, without oneDNN, for many. A GPU has its own kernels.
    """
    if _has_gpu():
        return False
    side, _, channels, _ = kernel
    return channels <= 4 if onednn() else channels >= 16 and side == 4


@functools.cache
def _has_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))
