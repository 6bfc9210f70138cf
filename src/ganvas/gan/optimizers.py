"""Adam in one kernel per weight, and learning rates that fall over a run."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ..base.compat.keras import adam_moments, schedule_of
from ..base.types import Tensor


class Adam(keras.optimizers.Adam):
    """Keras's Adam with TensorFlow's fused kernel: a dozen small operations become one.

    With small networks, a large part of a step is overhead between operations; see
    `benchmarks/step_overhead.py`. State and results are those of Keras's Adam, with the paper's
    epsilon of 1e-8.

    Args:
        beta2_start: beta2 at the first update; it changes to `beta_2` within `burn_in` updates.

    Source: Kingma & Ba 2014, arXiv:1412.6980, the form before section 2.1.
    """

    def __init__(
        self, *args: Any, beta2_start: float | None = None, burn_in: int = 0, **options: Any
    ) -> None:
        super().__init__(*args, **{"epsilon": 1e-8, **options})
        self.beta2_start = self.beta_2 if beta2_start is None else beta2_start
        self.burn_in = burn_in
        self._factors: dict[str, tuple[Tensor, Tensor, Tensor]] = {}

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        self._factors = {}
        try:
            return super().apply(grads, trainable_variables)
        finally:
            self._factors = {}  # tensors of a function must not outlive its trace

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        momentum, velocity = adam_moments(self, variable)
        if dtype not in self._factors:
            self._factors[dtype] = self._step_factors(dtype)
        beta2, beta1_power, beta2_power = self._factors[dtype]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.value.handle,
            v=velocity.value.handle,
            beta1_power=beta1_power,
            beta2_power=beta2_power,
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.constant(self.beta_1, dtype),
            beta2=beta2,
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def _step_factors(self, dtype: str) -> tuple[Tensor, Tensor, Tensor]:
        """beta2, and the powers of both betas: the same for all variables of a step."""
        steps = tf.cast(self.iterations + 1, dtype)
        beta2 = eased(self.iterations.value, self.burn_in, self.beta2_start, self.beta_2)
        beta2 = tf.cast(beta2, dtype)
        return beta2, tf.pow(tf.constant(self.beta_1, dtype), steps), tf.pow(beta2, steps)


def eased(step: Tensor, length: int, start: float, end: float) -> Tensor:
    """From start to end over `length` steps along half a cosine, then end.

    Source: Huang et al. 2024, arXiv:2501.05441, appendix, for all values with a burn-in.
    """
    if length <= 0 or start == end:
        return end
    done = tf.minimum(tf.cast(step, tf.float32) / length, 1.0)
    return end + (start - end) * (0.5 + 0.5 * tf.cos(math.pi * done))


class Decay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that falls from its start to a share of it, then stays.

    Args:
        start: learning rate at the first update.
        updates: length of the fall.
        shape: "none", "linear" or "cosine".
        to: share of the start at the end.
    """

    def __init__(self, start: float, updates: int, shape: str, to: float) -> None:
        self.start, self.updates, self.shape, self.to = start, updates, shape, to

    def __call__(self, step: Tensor) -> Tensor:
        done = tf.minimum(tf.cast(step, tf.float32) / max(self.updates, 1), 1.0)
        fall = {
            "none": lambda: tf.zeros_like(done),
            "linear": lambda: done,
            "cosine": lambda: 0.5 - 0.5 * tf.cos(math.pi * done),
        }[self.shape]()
        return self.start * (1 - (1 - self.to) * fall)

    def get_config(self) -> dict[str, Any]:
        return {"start": self.start, "updates": self.updates, "shape": self.shape, "to": self.to}


def decayed(optimizer: keras.Optimizer) -> float:
    """The learning rate now, as a share of its start; 1 without a `Decay`."""
    schedule = schedule_of(optimizer)
    if not isinstance(schedule, Decay):
        return 1.0
    return float(schedule(optimizer.iterations.value)) / schedule.start
