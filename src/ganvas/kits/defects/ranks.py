"""P-values by calibration images, in a graph: of one group or of several.

p = (1 + #{calibration scores >= score}) / (n + 1). Of several groups (lamps, batches), the largest
p-value of all counts: for a good image of any of these groups, P(p <= alpha) <= alpha, whichever
group it is of (Mondrian conformal prediction with an unknown group).

Source: Vovk, Gammerman & Shafer 2005, "Algorithmic learning in a random world", sections 2.2, 4.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

NONE = np.float32(-3e38)
"""Fills up the row of a smaller group: no score is as low."""


class Ranks(tf.Module):
    """Args: sizes: number of calibration images of each group."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.sizes = tuple(sizes)
        shape = (len(self.sizes), max(self.sizes))
        self.scores = tf.Variable(tf.fill(shape, NONE), trainable=False, name="calibration")
        self._counts = np.array(self.sizes, np.float32)

    def set(self, scores: np.ndarray, groups: np.ndarray | None = None) -> None:
        """Calibrate by scores [n] of images of these groups, int [n]; None: of one group."""
        groups = np.zeros(len(scores), np.int64) if groups is None else groups
        table = np.full(self.scores.shape, NONE)
        for number, size in enumerate(self.sizes):
            table[number, :size] = np.sort(scores[groups == number])
        self.scores.assign(table)

    def __call__(self, score: tf.Tensor) -> tf.Tensor:
        """Scores [N] -> p-values [N]."""
        above = tf.cast(self.scores[None] >= score[:, None, None], tf.float32)
        p_values = (1 + tf.reduce_sum(above, 2)) / (1 + self._counts)
        return tf.reduce_max(p_values, 1)

    def of(self, score: np.ndarray) -> np.ndarray:
        """The same without a graph."""
        return self(tf.constant(score, tf.float32)).numpy()


def flagged(p_value: tf.Tensor, alpha: tf.Tensor | float) -> tf.Tensor:
    """bool [N]. A little above alpha counts as alpha: 5 / 100 and 0.05 differ in their last bit."""
    return p_value <= alpha + 1e-6
