"""Progress on standard error: which work is done at present, how much of it, the time left.

Work names itself by `stage`, and is silent unless a caller has opened `reporting`. A live region
on a terminal shows the open stages; elsewhere a line appears every `INTERVAL` seconds.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

from .lazy import imported
from .logs import in_notebook
from .messages import log, noted
from .printing import Notes, on_one_line, uncovered
from .stages import Stage

if TYPE_CHECKING:
    from .display import Display

P = ParamSpec("P")
T = TypeVar("T")

INTERVAL = 15.0
"""Longest silence in seconds where there is no terminal."""
BEAT = 0.5
"""Seconds between two drawings on a terminal."""
SHORT = 2.0
"""Seconds; of a shorter stage no line remains on a terminal."""


class Reporter:
    """Shows the open stages.

    Args:
        stream: for lines where there is no terminal.
        display: of a terminal.
        now: the time in seconds.

    Attributes:
        began: the time at its beginning.
    """

    def __init__(
        self, stream: TextIO | Notes, display: Display | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.stream, self.display, self.now = stream, display, now
        self.quiet = False
        self.told: set[str] = set()
        self.stages: list[Stage] = []
        self._lock, self._closed = threading.RLock(), threading.Event()
        self._thread: threading.Thread | None = None
        self.began = self._last = now()

    def open(self, stage: Stage) -> None:
        with self._lock:
            self.stages.append(stage)
            if self.display and len(self.stages) == 1:  # others appear at the next beat
                self.display.show(self.stages)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="ganvas-progress", daemon=True
                )
                self._thread.start()

    def close(self, stage: Stage, failed: bool = False) -> None:
        with self._lock:
            self.stages.remove(stage)
            if not self.stages or stage.seconds >= SHORT:
                log.info(stage.summary())
            logged = log.isEnabledFor(logging.INFO)
            if not self.display:
                return
            if not self.stages:
                self.display.show([])
            if stage.kept:
                self.display.keep(stage)
            elif not (self.stages or failed or logged) and stage.seconds >= SHORT:
                self.display.write(stage.summary(), "dim")

    def say(self, text: str) -> None:
        """Write a line."""
        with self._lock:
            if self.quiet:
                return
            self._last = self.now()
            if self.display:
                self.display.write(on_one_line(text))
            else:
                self.stream.write(on_one_line(text) + "\n")
                self.stream.flush()

    def beat(self) -> None:
        """Draw again; or write a line, if the last one is `INTERVAL` seconds old."""
        with self._lock:
            if self._closed.is_set() or self.quiet or not self.stages:
                return
            for stage in self.stages:
                stage.look()
            if self.display:
                self.display.refresh()
            elif self.now() - self._last >= INTERVAL:
                self.say(self.stages[-1].line())

    def end(self) -> None:
        """Nothing is written after this."""
        self._closed.set()
        with self._lock:
            if self.display:
                self.display.show([])
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(BEAT if self.display else BEAT * 2):
            self.beat()


_current: ContextVar[Reporter | None] = ContextVar("ganvas-progress", default=None)
_silent: ContextVar[bool] = ContextVar("ganvas-silent", default=False)


@contextlib.contextmanager
def stage(name: str, total: int = 0, unit: str = "") -> Iterator[Stage]:
    """Show this work as a stage, if progress is reported."""
    with shown(Stage(name, total, unit)) as one:
        yield one


@contextlib.contextmanager
def shown(one: Stage) -> Iterator[Stage]:
    """Show a stage while the block runs, if progress is reported."""
    reporter = current()
    if reporter is None or not heard():
        yield one
        return
    reporter.open(one)
    try:
        yield one
    except BaseException:
        reporter.close(one, failed=True)
        raise
    reporter.close(one)


def counted(items: Iterable[T], one: Stage) -> Iterator[T]:
    """The items, counted by a stage."""
    for item in items:
        yield item
        one.advance()


def say(text: str, *, once: bool = False) -> None:
    """Write a line, if progress is reported.

    Args:
        once: not if this line was written with `once` before.
    """
    reporter = current()
    if reporter is None or (once and text in reporter.told):
        return
    if once:
        reporter.told.add(text)
    reporter.say(text)


def current() -> Reporter | None:
    """What reports the progress of this call; None: nothing does."""
    return None if _silent.get() else _current.get()


@contextlib.contextmanager
def reporting(on: bool = True, *, live: bool = True, always: bool = False) -> Iterator[None]:
    """Report the progress of the block. Within a block that reports, the same reporter is used;
    with `on` false, or within a block that is silent, nothing is reported.

    Args:
        live: draw on a terminal; False: write lines there, too.
        always: as for `messages.noted`.
    """
    if not on:
        token = _silent.set(True)
        try:
            yield
        finally:
            _silent.reset(token)
        return
    if _current.get() or _silent.get() or sys.stderr is None:
        yield
        return
    notebook = imported("ganvas.base.notebook").NotebookDisplay() if in_notebook() else None
    with _stream() as stream, noted(always=always, write=notebook and notebook.write):
        display = notebook or (_display(stream) if live else None)
        reporter = Reporter(Notes(stream), display)
        holder = _current.set(reporter)
        try:
            yield
        finally:
            reporter.end()
            _current.reset(holder)


def heard() -> bool:
    """Whether progress is reported, and not quiet."""
    reporter = current()
    return reporter is not None and not reporter.quiet


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Within the block, lines are written also on a terminal: other processes write to it, too."""
    reporter = current()
    if reporter is None:
        yield
        return
    display, reporter.display = reporter.display, None
    try:
        yield
    finally:
        reporter.display = display


def reported(function: Callable[P, T]) -> Callable[P, T]:
    """For a function with an argument `progress`: the progress of its calls is reported, if that
    argument is true."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def reporting_call(*args: P.args, **options: P.kwargs) -> T:
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        with reporting(bool(bound.arguments["progress"])):
            return function(*args, **options)

    return reporting_call


@contextlib.contextmanager
def _stream() -> Iterator[TextIO]:
    """Standard error; a second descriptor of it, if it is that of the process, because a command
    holds back what TensorFlow writes to the first one."""
    stream = uncovered(sys.stderr)
    try:
        number = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):  # a stream of the user's program
        yield stream
        return
    own = os.fdopen(number, "w", encoding=stream.encoding, errors="backslashreplace")
    try:
        yield own
    finally:
        with contextlib.suppress(OSError, ValueError):  # its reader has ended
            own.close()


def _display(stream: Any) -> Display | None:
    """The display of a terminal; None for other streams, also for closed ones."""
    try:
        terminal = stream.isatty()
    except (OSError, ValueError, AttributeError):
        return None
    if not terminal or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return None
    return imported("ganvas.base.display").Display(stream)
