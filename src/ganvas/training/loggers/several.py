"""All loggers of a run: what each received is known, and none can end a training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...base.messages import log
from ...base.progress import say
from ...config import Config
from ...config.plan import Plan
from ...storage.run import Run
from . import logger_type
from .base import Logger
from .tags import tag, values

FILE = "tracking.json"


class Loggers:
    """Sends what a run logs to each of its loggers.

    tracking.json has the identifier of the run in each tracker, and the last step that it received:
    a resumed run goes on there, and sends the lines of the log that are missing. A logger that
    fails gets nothing more in this session.

    Args:
        progress: say where the run is tracked.
    """

    def __init__(self, run: Run, plan: Plan, config: Config, progress: bool = False) -> None:
        self.run, self.plan, self.config, self.progress = run, plan, config, progress
        found = run.read_json(FILE)
        self.known = {k: dict(v) for k, v in found.items() if isinstance(v, Mapping)}
        short = plan.kimg(plan.tick) < 1  # ticks would share integer steps
        self.unit = 1000 if found.get("unit", 1000 if short else 1) == 1000 else 1
        self.active: dict[str, Logger] = {}

    def start(self) -> None:
        """Begin or go on, and send what is missing."""
        for name in dict.fromkeys(self.config.watch.loggers):
            with self._tried(name):
                logger = logger_type(name)(self.run, self.config, self.unit)
                about = self.known.setdefault(name, {})
                about["id"] = logger.start(str(about.get("id", "")))
                self.active[name] = logger
                if self.progress and logger.place:
                    say(f"{name}: {logger.place}")
        for row in self.run.rows() if self.active else ():
            self._send(row)
        self._remember()

    def row(self, row: Mapping[str, Any]) -> None:
        """A line of the log, when it is written."""
        self._send(row)
        self._remember()

    def grid(self, step: int, image: np.ndarray) -> None:
        self._each(lambda logger: logger.grid(step, self.plan.kimg(step), image))

    def histogram(self, step: int, name: str, numbers: Any) -> None:
        self._each(lambda logger: logger.histogram(step, self.plan.kimg(step), name, numbers))

    def finding(self, step: int, text: str) -> None:
        self._each(lambda logger: logger.finding(step, self.plan.kimg(step), text))

    def finish(self, status: str) -> None:
        """End the session; a failure of one does not keep the others open."""
        self._each(lambda logger: logger.finish(status))
        self.active = {}

    def _send(self, row: Mapping[str, Any]) -> None:
        if "cure" in row:  # a fix, which is no tick
            return
        named = values(row, self.run.best.get("floor") or {})
        tagged = {tag(name): value for name, value in named.items()}
        for name, logger in list(self.active.items()):
            if row["step"] > self._last(name):
                with self._tried(name):
                    logger.values(int(row["step"]), float(row["kimg"]), tagged)
                    self.known[name]["step"] = row["step"]

    def _last(self, name: str) -> int:
        last = self.known[name].get("step", 0)
        return last if isinstance(last, int) else 0

    def _remember(self) -> None:
        if self.known:
            self.run.write_json(FILE, {"unit": self.unit, **self.known})

    def _each(self, act: Callable[[Logger], None]) -> None:
        for name, logger in list(self.active.items()):
            with self._tried(name):
                act(logger)

    @contextlib.contextmanager
    def _tried(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # of any library
            self.active.pop(name, None)
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            log.warning(
                f"{name} failed, and gets no more of this session ({why}): the training goes on; "
                f"when {self.run.where} is resumed, the missing lines of log.jsonl are sent"
            )
