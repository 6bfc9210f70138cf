"""Concurrent calls of a function of a SavedModel, combined by TensorFlow's own batcher."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ..config import Batching
from .base import sides_of

_serial = itertools.count()


def has_rows(info: Any) -> bool:
    """Whether the first axis is a free number of rows, and no other axis is free."""
    sides = [dim.size for dim in info.tensor_shape.dim]
    return not info.tensor_shape.unknown_rank and sides[:1] == [-1] and -1 not in sides[1:]


def batched(signature: Any, function: Callable[..., Any], batching: Batching) -> Callable[..., Any]:
    """The same function; TensorFlow's C++ batcher combines its concurrent calls.

    Differs: `tf.nondifferentiable_batch_function` gives each function its own threads, which
    remain when a version is unloaded, and all functions of a name one queue, so that callers get
    results of another model. Here all share threads, as in TensorFlow Serving, but no queue.
    """
    aliases = list(signature.inputs)
    specs = [
        tf.TensorSpec([None, *sides_of(info)[1:]], info.dtype, alias)
        for alias, info in signature.inputs.items()
    ]

    def together(*tensors: tf.Tensor) -> list[tf.Tensor]:
        outputs = function(**dict(zip(aliases, tensors, strict=True)))
        return [outputs[alias] for alias in signature.outputs]

    traced = tf.function(together, input_signature=specs, autograph=False)
    body = traced.get_concrete_function()
    queue = f"queue_{next(_serial)}"

    def call(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = tf.raw_ops.BatchFunction(
            in_tensors=tensors, captured_tensors=body.captured_inputs, f=body,
            num_batch_threads=batching.threads, max_batch_size=batching.size,
            batch_timeout_micros=batching.wait, max_enqueued_batches=batching.queue,
            allowed_batch_sizes=list(batching.allowed), shared_name=repr(batching),
            enable_large_batch_splitting=batching.split, batching_queue=queue,
            Tout=[output.dtype for output in body.outputs],
        )  # fmt: skip
        return dict(zip(signature.outputs, outputs, strict=True))

    concrete = tf.function(call, input_signature=specs, autograph=False).get_concrete_function()
    return lambda **tensors: concrete(*(tensors[alias] for alias in aliases))
