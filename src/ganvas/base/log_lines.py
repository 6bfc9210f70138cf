"""Log records of a server as one line each."""

from __future__ import annotations

import logging
import sys

from .printing import on_one_line


class OneLine(logging.Formatter):
    """Time, level and message, with line ends and control characters as escapes.

    A request or a file name cannot begin a line that looks like another record. A traceback is on
    the line of its record, too.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return on_one_line(super().format(record))


def show(logger: str) -> None:
    """Write the records of a logger from INFO, and of all others from WARNING, to standard
    error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(handlers=[handler])
    logging.getLogger(logger).setLevel(logging.INFO)
