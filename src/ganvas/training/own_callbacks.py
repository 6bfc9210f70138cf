"""Keras callbacks of a caller: an epoch is a tick."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras

from ..config.plan import Plan
from ..errors import Advice, UsageError
from ..storage.run import Run
from .callbacks.base import EachTick

_EPOCHS = ("on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end")


class OwnCallbacks(EachTick):
    """Calls the methods for epochs and for the whole training, after all of a tick is written.

    A run is several calls of `fit`: the caller's callbacks see one. Their model is the `GAN`; one
    that sets `model.stop_training` stops the run, which can be resumed. Methods for batches are
    not called: they would wait for the device in each step.
    """

    def __init__(self, run: Run, plan: Plan, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__(run, plan)
        self.callbacks, self.begun = list(callbacks), False

    def __enter__(self) -> OwnCallbacks:
        return self

    def __exit__(self, *failure: Any) -> None:
        if self.begun and not any(failure):
            for one in self.callbacks:
                one.on_train_end({})

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        ticks = len(self.plan.ends)
        for one in self.callbacks:
            one.set_params({"epochs": ticks, "steps": self.plan.tick, "verbose": 0})
            one.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.begun:
            self.begun = True
            for one in self.callbacks:
                one.on_train_begin({})

    def on_epoch_begin(self, epoch: Any, logs: Any = None) -> None:
        for one in self.callbacks:
            one.on_epoch_begin(int(self.model.step.numpy()) // self.plan.tick, {})

    def tick(self, step: int, logs: dict[str, float]) -> None:
        for one in self.callbacks:
            one.on_epoch_end(-(-step // self.plan.tick) - 1, dict(logs))


def check_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """The callbacks, if they are Keras's. Raises: UsageError: something else."""
    found = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    for one in found:
        if not isinstance(one, keras.callbacks.Callback):
            raise UsageError(
                f"callbacks must be objects of keras.callbacks.Callback, got {type(one).__name__}: "
                "for a function use each_tick, or keras.callbacks.LambdaCallback"
            )
        base = keras.callbacks.Callback
        batches = [
            name for name in dir(base)
            if "batch" in name and getattr(type(one), name) is not getattr(base, name)
        ]  # fmt: skip
        if batches and type(one).__module__.partition(".")[0] != "keras":
            warnings.warn(
                f"{type(one).__name__}.{batches[0]} is not called: in a run callbacks see ticks "
                f"({', '.join(_EPOCHS)}); use gan.fit for batches",
                Advice,
                stacklevel=4,
            )
    return found
