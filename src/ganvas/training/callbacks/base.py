"""The base class of all callbacks: work at the end of a tick."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import keras

from ...config.plan import Plan
from ...storage.run import Run


class EachTick(keras.callbacks.Callback):
    """Hooks ticks (Keras epochs), never batches: a batch hook costs a host sync each step."""

    def __init__(self, run: Run, plan: Plan) -> None:
        super().__init__()
        self.run = run
        self.plan = plan

    def on_epoch_end(self, epoch: Any, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        means = {name: float(value) for name, value in logs.items()}
        logs.update(self.tick(int(self.model.step.numpy()), means) or {})

    @abstractmethod
    def tick(self, step: int, logs: dict[str, float]) -> dict[str, float] | None:
        """Called after `step` steps; `logs` are the tick's means. The returned values are added to
        them, for the callbacks after this one."""
