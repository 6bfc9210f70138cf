"""One line per tick, in log.jsonl and in every logger."""

from __future__ import annotations

import time

from ...config.plan import Plan
from ...storage.run import Run
from ..loggers.several import Loggers
from .base import EachTick
from .checkpoint import Checkpoint


class Log(EachTick):
    """Rows of step, kimg, time, speed, means and scores.

    Times are sums over all sessions of a run: `step_seconds` of the training steps alone,
    `wall_seconds` of everything since the training began, with compilation, scores and images.
    `seconds` is the old name of `step_seconds`.
    """

    def __init__(self, run: Run, plan: Plan, checkpoint: Checkpoint, loggers: Loggers) -> None:
        super().__init__(run, plan)
        self.checkpoint = checkpoint
        rows = run.rows()
        last = rows[-1] if rows else {}
        self.seconds = last.get("seconds", 0.0)
        self.wall = last.get("wall_seconds", self.seconds) - time.perf_counter()
        self.step = rows[-1]["step"] if rows else 0
        self.loggers = loggers

    def tick(self, step: int, logs: dict[str, float]) -> None:
        seconds = self.checkpoint.seconds
        kimg = self.plan.kimg(step)
        speed = 1000 * (kimg - self.plan.kimg(self.step)) / seconds
        self.seconds, self.step = self.seconds + seconds, step
        row = {"step": step, "kimg": round(kimg, 3), "seconds": round(self.seconds, 3)}
        row |= {"step_seconds": row["seconds"]}
        row |= {"wall_seconds": round(self.wall + time.perf_counter(), 3)}
        row |= {"images_per_second": round(speed, 1)} | {k: logs[k] for k in sorted(logs)}
        self.run.log(row)
        self.loggers.row(row)
