"""The progress of a run on the terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ...base.printing import cover, on_one_line, uncovered
from ...config.plan import Plan
from ...storage.run import Run
from .base import EachTick

HIDDEN = ("signal/", "slope/")
"""Prefixes of values that are logged for the doctor, but not shown."""


class ProgressBar(EachTick):
    """A live line on a terminal; elsewhere one plain line per tick, on standard error."""

    def __init__(self, run: Run, plan: Plan, start: int) -> None:
        super().__init__(run, plan)
        self.console = Console(file=uncovered(sys.stderr))
        self.start = start
        self.began = time.perf_counter()
        self.bar = Progress(
            TextColumn("{task.fields[kimg]}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[line]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        line = "compiling"
        self.task = self.bar.add_task(
            "training", total=plan.total, completed=start, kimg=self.count(start), line=line
        )

    def __enter__(self) -> ProgressBar:
        self.bar.start()
        if self.console.is_terminal:
            cover()  # rich has replaced both streams; `stop` puts them back
        return self

    def __exit__(self, *failure: Any) -> None:
        self.bar.stop()

    def count(self, step: int) -> str:
        return f"kimg {self.plan.kimg(step):.1f}/{self.plan.kimg(self.plan.total):.1f}"

    def tick(self, step: int, logs: dict[str, float]) -> None:
        seconds = (time.perf_counter() - self.began) / (step - self.start)
        speed = 1000 * self.plan.kimg(1) / seconds
        left = clock(seconds * (self.plan.total - step))
        shown = {name: value for name, value in logs.items() if not name.startswith(HIDDEN)}
        means = " ".join(f"{name} {value:.3g}" for name, value in sorted(shown.items()))
        line = on_one_line(f"{speed:.0f} img/s  {means}  left {left}")
        if self.console.is_terminal:
            self.bar.update(self.task, completed=step, kimg=self.count(step), line=line)
        else:
            sys.stderr.write(f"{self.count(step)}  {line}\n")
            sys.stderr.flush()


def clock(seconds: float) -> str:
    """61 -> 1:01, 3661 -> 1:01:01."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
