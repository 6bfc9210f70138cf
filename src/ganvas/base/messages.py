"""Diagnostics of the package: records of the logger `ganvas`, which a command shows as lines.

As a library the package is silent: its records go to the handlers that the user's program sets.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator

from .printing import on_one_line

log = logging.getLogger("ganvas")
log.addHandler(logging.NullHandler())  # otherwise Python writes warnings to standard error

_SERVER = "ganvas.serve"  # which has its own lines, see `log_lines`


class NoteHandler(logging.Handler):
    """Writes a record as one line, by default to the present standard error; a warning begins with
    "note: "."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self.write = write

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_SERVER):
            return
        prefix = "note: " if record.levelno >= logging.WARNING else ""
        if self.write:
            self.write(f"{prefix}{on_one_line(record.getMessage())}")
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody reads it
            sys.stderr.write(f"{prefix}{on_one_line(record.getMessage())}\n")
            sys.stderr.flush()


@contextlib.contextmanager
def noted(
    level: int = logging.WARNING, *, always: bool = False,
    write: Callable[[str], None] | None = None,
) -> Iterator[None]:  # fmt: skip
    """Within the block, show records from a level on.

    Args:
        write: as of `NoteHandler`.
        always: also if the program that uses the package shows its records itself.
    """
    shown = any(_shows(logger) for logger in (log, logging.getLogger()))
    if shown and not always:
        yield
        return
    handler, before = NoteHandler(write), log.level
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _shows(logger: logging.Logger) -> bool:
    return any(not isinstance(handler, logging.NullHandler) for handler in logger.handlers)
