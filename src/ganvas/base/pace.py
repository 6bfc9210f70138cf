"""How fast work goes at present, and how long the rest of it takes."""

from __future__ import annotations

from collections import deque

WINDOW = 30.0
"""Seconds over which the present rate is measured."""
SAMPLING = 0.2
"""Seconds between two points that are kept."""


class Pace:
    """The rate of the last `WINDOW` seconds: an average from the start would be wrong for a long
    time after work that was resumed, or that became slower."""

    def __init__(self) -> None:
        self.points: deque[tuple[float, float]] = deque()

    def add(self, now: float, done: float) -> None:
        """So much is done at this time, in seconds. Both never decrease."""
        if not self.points or now - self.points[-1][0] >= SAMPLING:
            self.points.append((now, done))
        while len(self.points) > 2 and now - self.points[1][0] > WINDOW:
            self.points.popleft()

    def rate(self) -> float | None:
        """Units per second; None while it is not known."""
        if len(self.points) < 2:
            return None
        (began, first), (now, last) = self.points[0], self.points[-1]
        return (last - first) / (now - began) if last > first else None

    def left(self, rest: float, now: float) -> float | None:
        """Seconds until so many units more are done, from the last point; None: not known."""
        rate = self.rate()
        if rate is None:
            return None
        return max(0.0, rest / rate - (now - self.points[-1][0]))


def clock(seconds: float) -> str:
    """61 -> 1:01, 3661 -> 1:01:01."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
