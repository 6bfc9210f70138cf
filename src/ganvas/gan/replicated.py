"""A Keras model whose replicas synchronise only gradients each step and means each tick."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.compat.keras import BuiltModel
from ..base.seeds import normal
from ..base.types import Tensor


def summed(
    strategy: tf.distribute.Strategy, own: Callable[..., tf.Tensor]
) -> tf.types.experimental.GenericFunction:
    """A function for the sum of `own` over all replicas, which synchronise. Keep it: it is traced
    once."""
    return tf.function(
        lambda *given: strategy.reduce("SUM", strategy.run(own, args=given), axis=None),
        autograph=False,
    )


def normal_rows(count: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Standard normal numbers [count, size] for this replica: its rows of one drawing, so that the
    number of replicas has no effect."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return normal((count, size), seed)
    rows = normal((count * context.num_replicas_in_sync, size), seed)
    return rows[context.replica_id_in_sync_group * count :][:count]


class DistributedModel(BuiltModel):
    """A model whose `fit` is efficient with several replicas.

    `keras.Model.fit` synchronises all workers for each log of each step, which takes longer than a
    small step itself, and runs several steps in a loop of TensorFlow, which fails if replicas
    synchronise in it. On one replica this trains as `keras.Model` does. It counts as built from the
    start: Keras need not infer its shapes.

    Attributes:
        meters: the metrics whose means are a tick's logs, by name.
    """

    meters: dict[str, keras.metrics.Mean]
    train_function: Any

    def make_train_function(self, force: Any = False) -> None:
        """Called by `fit`: makes a function from an iterator to logs, NaN before the tick's end."""
        if not self._several:
            super().make_train_function(force)
        elif force or self.train_function is None:
            strategy = self.distribute_strategy

            def step(data: Any) -> None:
                strategy.run(self.train_step, args=(next(data),))

            step = tf.function(step, autograph=False)

            def train_function(iterator: Any) -> dict[str, float]:
                for _ in range(self.steps_per_execution):
                    step(iterator)
                return dict.fromkeys(self.meters, np.nan)

            self.train_function = train_function

    def get_metrics_result(self) -> Tensor:
        """The means over all images of all replicas since `reset_metrics`; replicas synchronise."""
        if not self._several:
            return super().get_metrics_result()
        totals, counts = self._sums().numpy().T
        return dict(zip(self.meters, (totals / np.maximum(counts, 1)).tolist(), strict=True))

    @functools.cached_property
    def _sums(self) -> tf.types.experimental.GenericFunction:
        """Total and count of each meter over all replicas, float [M, 2]."""
        meters = self.meters.values()
        return summed(
            self.distribute_strategy,
            lambda: tf.stack([[m.total.value, m.count.value] for m in meters]),
        )

    @property
    def _several(self) -> bool:
        return self.distribute_strategy.num_replicas_in_sync > 1
