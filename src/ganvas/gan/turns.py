"""What the turns of both networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from .penalties import Penalty


class Fakes(NamedTuple):
    """Fakes [B, H, W, C], and the tape that recorded how the generator made them."""

    images: tf.Tensor
    tape: tf.GradientTape


def charge_names(penalties: Sequence[Penalty]) -> list[str]:
    """penalty/r1, penalty/r2 ...; a second one of a kind is penalty/r1-2."""
    kinds = [type(penalty).__name__.lower() for penalty in penalties]
    count = [kinds[: i + 1].count(kind) for i, kind in enumerate(kinds)]
    return [
        f"penalty/{k}-{n}" if n > 1 else f"penalty/{k}" for k, n in zip(kinds, count, strict=True)
    ]


def mean(values: tf.Tensor) -> tf.Tensor:
    """The mean over the global batch: a strategy adds the results of its replicas."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return tf.reduce_mean(values) / replicas


def update(
    optimizer: Any, network: keras.Model, tape: tf.GradientTape, total: tf.Tensor
) -> tf.Tensor:
    """One update of a network. Returns: the norm of its gradient, on this replica."""
    variables = network.trainable_variables
    gradients = tape.gradient(total, [v.value for v in variables])
    # The gradient of an embedding is a list of rows, one per look-up: their norm and squares are
    # not those of the sum, and workers would have to synchronise once more for them.
    gradients = [g if g is None else tf.convert_to_tensor(g) for g in gradients]
    optimizer.apply(gradients, variables)
    return tf.linalg.global_norm(gradients)
