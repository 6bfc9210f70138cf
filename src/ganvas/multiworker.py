"""A Keras model whose workers meet for what they must: gradients each step, means each tick."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


class MultiWorkerModel(keras.Model):
    """What `fit` needs besides under `tf.distribute.MultiWorkerMirroredStrategy`.

    There Keras's own has all workers meet for each log of each step, which takes longer than a
    small step itself. Under any other strategy this is `keras.Model`.

    Attributes:
        meters: what a tick's logs are the means of, by name.
    """

    meters: dict[str, keras.metrics.Mean]

    def make_train_function(self, force=False):
        """As `fit` calls it: a function from an iterator to logs, which here have no values yet."""
        if not self._several_workers:
            super().make_train_function(force)
        elif force or self.train_function is None:
            strategy = self.distribute_strategy
            one = tf.function(self.train_step, jit_compile=self.jit_compile, autograph=False)
            step = tf.function(lambda data: strategy.run(one, args=(next(data),)), autograph=False)

            def train_function(iterator) -> dict[str, float]:
                step(iterator)
                return dict.fromkeys(self.meters, np.nan)

            self.train_function = train_function

    def get_metrics_result(self):
        """The means over all images of all workers since `reset_metrics`, for which they meet."""
        if not self._several_workers:
            return super().get_metrics_result()
        strategy = self.distribute_strategy

        @tf.function(autograph=False)
        def sums() -> tf.Tensor:
            meters = self.meters.values()
            own = strategy.run(lambda: tf.stack([[m.total.value, m.count.value] for m in meters]))
            return strategy.reduce("SUM", own, axis=None)

        totals, counts = sums().numpy().T
        return dict(zip(self.meters, (totals / np.maximum(counts, 1)).tolist(), strict=True))

    @property
    def _several_workers(self) -> bool:
        return isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Everything is built already; Keras would fail here on labels under several workers."""
