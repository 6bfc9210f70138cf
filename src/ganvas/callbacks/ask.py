"""Whoever started a run may stop it: a search that has seen enough."""

from __future__ import annotations

from collections.abc import Callable

from ..plan import Plan
from ..runs import Run
from .base import EachTick


class Ask(EachTick):
    """Comes last, when the tick's line and state are written."""

    def __init__(self, run: Run, plan: Plan, question: Callable[[Run], bool]):
        super().__init__(run, plan)
        self.question = question

    def tick(self, step, logs):
        self.model.stop_training |= bool(self.question(self.run))
