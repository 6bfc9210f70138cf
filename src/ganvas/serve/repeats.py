"""Log lines about a state that lasts: folders are read every second."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable

PAUSE = 60.0
"""Seconds between two lines about one thing, whose sentences may differ in a number."""


class Repeats:
    """Logs a fault once while it lasts, and one line a minute about a thing."""

    def __init__(self, log: logging.Logger):
        self._log = log
        self._said: dict[Hashable, tuple[str, float]] = {}

    def say(self, level: int, about: Hashable, sentence: str) -> None:
        """Log the sentence, unless it was the last one about this, or that was a moment ago."""
        before, when = self._said.get(about, ("", -PAUSE))
        now = time.monotonic()
        if sentence != before and now - when >= PAUSE:
            self._said[about] = sentence, now
            self._log.log(level, "%s", sentence)
