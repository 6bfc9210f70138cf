"""A piece of work that takes a while: its name, how much is done, the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from .pace import Pace, clock
from .printing import on_one_line


class Stage:
    """Work that has a name and takes a while.

    Attributes:
        total: units of work; 0: not known.
        kept: whether its last drawing remains on a terminal, in place of a line with its duration.
    """

    kept = False

    def __init__(
        self, name: str, total: int = 0, unit: str = "", now: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self.total, self.unit = on_one_line(name), total, unit
        self.done, self.part, self.now, self.pace = 0, 0.0, now, Pace()
        self.began = now()

    def update(self, done: int, total: int | None = None, part: float = 0.0) -> None:
        """So many units are done, and this part of the next one."""
        self.done, self.total = done, self.total if total is None else total
        self.part = part
        self.pace.add(self.now(), done + part)

    def look(self) -> None:
        """Called by a timer: read how much is done, where the work itself does not say it."""

    def advance(self, count: int = 1) -> None:
        """So many further units are done."""
        self.update(self.done + count)

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1."""
        return min(1.0, (self.done + self.part) / self.total) if self.total else 0.0

    @property
    def seconds(self) -> float:
        """Since its beginning."""
        return self.now() - self.began

    def count(self) -> str:
        """Such as 3,200/10,000 images."""
        if not self.total:
            return f"{self.done:,} {self.unit}".rstrip() if self.done else ""
        return f"{self.done:,}/{self.total:,} {self.unit}".rstrip()

    def times(self) -> str:
        """How long it has taken, and what is left."""
        rest = self.total - self.done - self.part
        left = self.pace.left(rest, self.now()) if rest > 0 else None
        return clock(self.seconds) + (f", left {clock(left)}" if left is not None else "")

    def line(self) -> str:
        """For a place without a terminal."""
        return " ".join(filter(None, (self.name, self.count()))) + f", {self.times()}"

    def picture(self) -> tuple[str, str]:
        """For a notebook: the name of a picture, and the picture as HTML; empty: there is none."""
        return "", ""

    def summary(self) -> str:
        """Once it is done."""
        count = f"{self.done:,} {self.unit}".rstrip() + ", " if self.done > 1 else ""
        return f"{self.name}: {count}{self.seconds:.1f} s"
