"""The caller of a training may stop it after any tick, as a hyperparameter search does."""

from __future__ import annotations

from collections.abc import Callable

from ...config.plan import Plan
from ...storage.run import Run
from .base import EachTick


class EarlyStop(EachTick):
    """Called after the tick's line and state are written."""

    def __init__(self, run: Run, plan: Plan, should_stop: Callable[[Run], bool]) -> None:
        super().__init__(run, plan)
        self.should_stop = should_stop

    def tick(self, step: int, logs: dict[str, float]) -> None:
        if self.should_stop(self.run):  # not `|=`: a signal may set it during the call
            self.model.stop_training = True
