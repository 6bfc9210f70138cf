"""One line per tick, in log.jsonl and in TensorBoard."""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from ...base.files import disk_errors
from ...config.plan import Plan
from ...storage.run import Run
from .base import EachTick


class Log(EachTick):
    """Rows of step, kimg, seconds (of training, over all sessions), speed, means and scores."""

    def __init__(self, run: Run, plan: Plan, writer: Any = None) -> None:
        super().__init__(run, plan)
        rows = run.rows()
        self.seconds = rows[-1]["seconds"] if rows else 0.0
        self.step = rows[-1]["step"] if rows else 0
        self.writer = writer
        self.began = time.perf_counter()

    def on_epoch_begin(self, epoch: Any, logs: Any = None) -> None:
        self.began = time.perf_counter()

    def tick(self, step: int, logs: dict[str, float]) -> None:
        seconds = time.perf_counter() - self.began - logs.get("score/seconds", 0.0)
        kimg = self.plan.kimg(step)
        speed = 1000 * (kimg - self.plan.kimg(self.step)) / seconds
        self.seconds, self.step = self.seconds + seconds, step
        row = {"step": step, "kimg": round(kimg, 3), "seconds": round(self.seconds, 3)}
        row |= {"images_per_second": round(speed, 1)} | {k: logs[k] for k in sorted(logs)}
        self.run.log(row)
        if self.writer:
            with disk_errors(self.run.folder / "events"), self.writer.as_default(step):
                for name, value in row.items():
                    if name != "step":
                        tf.summary.scalar(name, value)
                self.writer.flush()
