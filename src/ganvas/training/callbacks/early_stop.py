"""The caller of a training may stop it after any tick: a search that has seen enough."""

from __future__ import annotations

from collections.abc import Callable

from ...config.plan import Plan
from ...storage.run import Run
from .base import EachTick


class EarlyStop(EachTick):
    """Comes last, when the tick's line and state are written."""

    def __init__(self, run: Run, plan: Plan, question: Callable[[Run], bool]) -> None:
        super().__init__(run, plan)
        self.question = question

    def tick(self, step: int, logs: dict[str, float]) -> None:
        self.model.stop_training |= bool(self.question(self.run))
