"""The full training state: everything that an exact resume needs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...config.plan import Plan
from ...errors import RunError
from ...gan.model import GAN
from ...storage.run import Run
from .base import EachTick


class Checkpoint(EachTick):
    """Writes the state every tick, before scores, line and grid, which may take long. Until they
    are written, the tick is marked as unscored.

    Attributes:
        seconds: duration of the tick's steps.
    """

    def __init__(self, run: Run, plan: Plan) -> None:
        super().__init__(run, plan)
        self.seconds = 0.0
        self.began = time.perf_counter()

    def on_epoch_begin(self, epoch: Any, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def tick(self, step: int, logs: dict[str, float]) -> None:
        self.seconds = time.perf_counter() - self.began
        self.run.mark_unscored(step, logs=logs, seconds=self.seconds)
        self.run.save_state(step, state_of(self.model))


class Complete(EachTick):
    """Called after all that belongs to the tick is written. If the run stops, the mark is kept
    until the reason of the stop is written, too: a resumed run finds it again."""

    def tick(self, step: int, logs: dict[str, float]) -> None:
        if not self.model.stop_training:
            self.run.mark_complete()


def variables(gan: GAN) -> dict[str, Any]:
    """Every variable that training changes, by a name that does not depend on the session.

    `.variables`, not `.weights`: they include the counters of Dropout's random numbers.
    """
    groups = {
        "generator": gan.generator.variables,
        "discriminator": gan.discriminator.variables,
        "ema": gan.ema_generator.variables,
        "generator_optimizer": moments(gan.generator_optimizer),
        "discriminator_optimizer": moments(gan.discriminator_optimizer),
        "parts": [v for part in gan.parts for v in part.variables],
    }
    named = {"step": gan.step}
    for group, members in groups.items():
        named |= {f"{group}/{i:03d}": variable for i, variable in enumerate(members)}
    return named


def moments(optimizer: keras.Optimizer) -> list[tf.Variable]:
    """An optimizer's variables without its rate, which belongs to the recipe and may change."""
    return [v for v in optimizer.variables if v.name != "learning_rate"]


def state_of(gan: GAN) -> dict[str, np.ndarray]:
    """All values of the training state by name: weights, optimizers, counters."""
    return {name: variable.numpy() for name, variable in variables(gan).items()}


def restore(gan: GAN, arrays: dict[str, np.ndarray]) -> None:
    """Restore a state. Raises: RunError: it belongs to other networks."""
    targets = variables(gan)
    if _forms(targets) != _forms(arrays):
        raise RunError(
            "the saved state has other shapes or types than the recipe's networks: config.toml or "
            "the networks' code was changed since; put it back, or start a new run"
        )
    for name, variable in targets.items():
        variable.assign(arrays[name])


def _forms(values: Mapping[str, Any]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and type of each variable or array; the type of a Keras variable is a text."""
    return {
        name: (tuple(one.shape), getattr(one.dtype, "name", one.dtype))
        for name, one in values.items()
    }


def take_weights(gan: GAN, arrays: dict[str, np.ndarray]) -> list[str]:
    """Start from another run's weights; optimizers keep their initial state.

    Returns: the names of weights that have another shape and keep their initial values.
    Raises: RunError: other networks, or more than half of the weights do not fit.
    """
    targets = {k: v for k, v in variables(gan).items() if k.partition("/")[0] in NETWORKS}
    given = {k: v for k, v in arrays.items() if k.partition("/")[0] in NETWORKS}
    wanted, found = _forms(targets), _forms(given)
    anew = [k for k in targets if k in given and found[k] != wanted[k]]
    if targets.keys() != given.keys() or 2 * len(anew) > len(targets):
        raise RunError(
            f"the other run's networks have {len(given)} weights, {len(anew)} of another shape; "
            f"this recipe's have {len(targets)}: use the same networks, size, channels and labels"
        )
    for name in targets.keys() - set(anew):
        targets[name].assign(given[name])
    return [targets[name].path for name in anew]


NETWORKS = ("generator", "discriminator", "ema")
