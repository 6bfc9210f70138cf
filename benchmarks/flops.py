"""Floating-point operations of a graph, counted by hand from its shapes.

A multiplication and an addition are two. Products of matrices and convolutions count, forward and
backward; what works element by element does not, for it waits for memory. TensorFlow's profiler is
not used: it reads a transposed operand of `BatchMatMulV2` as if it stood upright, and so counts the
projection head's gradient, an outer product with one inner place, as if it had 3,136.
"""

from __future__ import annotations

import math

import tensorflow as tf


def count(graph: tf.Graph) -> int:
    """Of one execution; branches of a condition are left out, shapes have to be known.

    Raises: ValueError: the size of a product is not known.
    """
    return sum(_of(operation) for operation in graph.get_operations())


def _of(operation: tf.Operation) -> int:
    kind, inputs, output = operation.type, operation.inputs, operation.outputs
    if kind in ("MatMul", "BatchMatMulV2"):
        name = "transpose_a" if kind == "MatMul" else "adj_x"
        inner = inputs[0].shape[-2 if operation.get_attr(name) else -1]
        return 2 * _size(output[0]) * inner
    if kind in ("Conv2D", "DepthwiseConv2dNative"):
        return _convolution(kind, output[0], inputs[1].shape)
    if kind in ("Conv2DBackpropInput", "DepthwiseConv2dNativeBackpropInput"):
        return _convolution(kind, inputs[2], inputs[1].shape)
    if kind in ("Conv2DBackpropFilter", "DepthwiseConv2dNativeBackpropFilter"):
        return _convolution(kind, inputs[2], output[0].shape)
    return 0


def _convolution(kind: str, smaller: tf.Tensor, kernel: tf.TensorShape) -> int:
    """Each place of what the convolution gives meets the kernel once, forward and backward."""
    seen = kernel[:2] if kind.startswith("Depthwise") else kernel[:3]
    return 2 * _size(smaller) * math.prod(seen)


def _size(tensor: tf.Tensor) -> int:
    size = tensor.shape.num_elements()
    if size is None:
        raise ValueError(f"the shape of {tensor.name} is not known: give the batch a size")
    return size
