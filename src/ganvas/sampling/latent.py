"""Latent space: the search for the noise of an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ..base.types import Tensor

_MOMENTUM = 0.9
_EPSILON = 1e-8

Cost = Callable[[tf.Tensor], tf.Tensor]


def search(
    cost: Cost,
    noise: tf.Tensor,
    steps: int | tf.Tensor,
    rate: float | Cost,
    *,
    decay: float = 0.999,
    penalty: Cost | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The lowest cost of each row over all steps [M], and its noise [M, Z].

    Adam on each row of noise, with its own moments: no row depends on other rows. Call it within a
    tf.function.

    Args:
        cost: noise [M, Z] -> [M], the cost of each row.
        noise: the start, float32 [M, Z].
        rate: Adam's learning rate, or a function of the step, which starts at 0.
        decay: of the mean square of gradients (Adam's beta 2).
        penalty: noise [M, Z] -> [M], is minimised too, but not part of the returned cost.

    Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.
    """

    def known(slope: Tensor) -> Tensor:
        """The gradient with a static shape, which the loop needs; the model's is unknown."""
        return tf.ensure_shape(slope, noise.shape)

    first, second, best = tf.zeros_like(noise), tf.zeros_like(noise), noise
    lowest = tf.fill(tf.shape(noise)[:1], tf.constant(np.inf, noise.dtype))
    for step in tf.range(steps):
        with tf.GradientTape() as tape:
            tape.watch(noise)
            now = cost(noise)
            whole = now if penalty is None else now + penalty(noise)
        lowest, best = _better(now, noise, lowest, best)
        slope = known(tape.gradient(whole, noise))  # of the sum over rows, which are independent
        count = tf.cast(step + 1, noise.dtype)
        first = _MOMENTUM * first + (1 - _MOMENTUM) * slope
        second = decay * second + (1 - decay) * tf.square(slope)
        spread = tf.sqrt(second / (1 - decay**count)) + _EPSILON
        size = rate(step) if callable(rate) else rate
        noise -= size * first / (1 - _MOMENTUM**count) / spread
    return _better(cost(noise), noise, lowest, best)


def _better(
    now: Tensor, noise: Tensor, lowest: Tensor, best: Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    better = now < lowest
    return tf.where(better, now, lowest), tf.where(better[:, None], noise, best)
