"""What a person sees of a training: how far it is, how long it takes, and how it goes."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from ...base.pace import clock
from ...base.printing import on_one_line
from ...base.stages import Stage
from ...config.plan import Plan
from ...errors import DataError
from ...images import inline, read

if TYPE_CHECKING:
    from rich.console import RenderableType

LABEL = 9
"""Columns of a row's name."""
RECENT = 5
"""Ticks over which the duration of work between the steps is averaged."""


class Panel(Stage):
    """A training as a stage: its bar, and rows below it.

    The rate is that of the last steps, without what is done between them: scores, images, files.
    The time left is that of the remaining steps at this rate, and of the remaining scorings and
    ticks as long as the last ones.

    Args:
        step: reads the number of trained steps. It is called by a timer, between two ticks as well.

    Attributes:
        rows: name -> parts of a text, between which lines are broken, and its style.
        grid: the file of the last grid, which a notebook shows; None: there is none yet.
    """

    kept = True

    def __init__(
        self, plan: Plan, start: int, step: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__("training", plan.total, now=now)
        self.plan, self.start, self.read = plan, start, step
        self.rows: dict[str, tuple[Sequence[str], str]] = {}
        self.grid: Path | None = None
        self._read: Path | None = None
        self._html = ""
        self.paused = 0.0
        self.pauses: dict[bool, deque[float]] = {due: deque(maxlen=RECENT) for due in (False, True)}
        self.later = 0.0
        self.done = start

    def look(self) -> None:
        """Read the number of steps."""
        step = max(self.done, self.read())
        if step > self.done:
            self.done = step
            self.pace.add(self.now() - self.paused, step)

    def tick(self, step: int, pause: float) -> None:
        """A tick is complete.

        Args:
            pause: seconds since its last step.
        """
        self.paused += pause
        self.pauses[self.plan.score_due(step)].append(pause)
        self.done = max(step, self.done)
        self.pace.add(self.now() - self.paused, self.done)
        ends = [*range(step - step % self.plan.tick + self.plan.tick, self.total, self.plan.tick)]
        due = [self.plan.score_due(end) for end in [*ends, self.total]] if step < self.total else []
        mean = {scored: fmean(known) if known else 0.0 for scored, known in self.pauses.items()}
        self.later = sum(mean[scored] for scored in due)

    def left(self) -> float | None:
        """Seconds until the end; None: not known yet."""
        steps = self.pace.left(self.total - self.done, self.now() - self.paused)
        return None if steps is None else steps + self.later

    def speed(self) -> str:
        rate = self.pace.rate()
        return "" if rate is None else f"{1000 * self.plan.kimg(1) * rate:,.0f} img/s"

    def count(self) -> str:
        return f"kimg {self.plan.kimg(self.done):.1f}/{self.plan.kimg(self.total):.1f}"

    def times(self) -> str:
        if self.done == self.start < self.total:
            return f"compiling {clock(self.seconds)}"
        if self.done >= self.total:
            return f"in {clock(self.seconds)}"
        left = self.left()
        return "" if left is None else f"left {clock(left)}"

    def line(self) -> str:
        return "  ".join(filter(None, (self.count(), self.speed(), self.times())))

    def picture(self) -> tuple[str, str]:
        if self.grid != self._read and self.grid is not None:
            with contextlib.suppress(DataError, OSError):  # deleted meanwhile
                self._html, self._read = inline.img(read(self.grid), "last grid"), self.grid
        return (self._read.name, self._html) if self._read else ("", "")

    def summary(self) -> str:
        return f"training: {self.count()}, {self.seconds:.1f} s"

    def draw(self, width: int) -> RenderableType:
        """For a terminal of so many columns."""
        from rich.console import Group
        from rich.text import Text

        from ...base.display import beside

        state = (f"{100 * self.share:3.0f}%", self.times(), self.count(), self.speed())
        lines: list[RenderableType] = [
            beside("", self.share, "  ".join(filter(None, state)), width)
        ]
        for name, (parts, style) in self.rows.items():
            for number, text in enumerate(broken(parts, max(width - LABEL, 10))):
                label = name if number == 0 else ""
                lines.append(
                    Text.assemble((label.ljust(LABEL), "dim"), (text, style), overflow="fold")
                )
        return Group(*lines)


def broken(parts: Sequence[str], width: int) -> list[str]:
    """The parts in lines of at most this width; a longer part has lines of its own."""
    lines: list[str] = []
    for part in map(on_one_line, parts):
        if lines and len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += f"  {part}"
        else:
            lines += [part[at : at + width] for at in range(0, max(len(part), 1), width)]
    return lines
