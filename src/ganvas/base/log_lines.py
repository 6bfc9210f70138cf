"""Log records of a server as one line each."""

from __future__ import annotations

import datetime
import json
import logging
import sys
from typing import Literal

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


class OneObject(logging.Formatter):
    """A JSON object on a line, in ASCII: time, level, logger, message, and the `facts` of a record
    in place of a message that only lists them."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        facts = getattr(record, "facts", None) or {"message": record.getMessage()}
        found = {"time": when.isoformat(timespec="milliseconds"), "level": record.levelname}
        found |= {"logger": record.name, **facts}
        if record.exc_info:
            found["error"] = self.formatException(record.exc_info)
        return json.dumps(found, default=str)


Format = Literal["text", "json"]


def show(logger: str, form: Format = "text") -> None:
    """Write the records of a logger from INFO, and of all others from WARNING, to standard
    error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneObject() if form == "json" else OneLine())
    logging.basicConfig(handlers=[handler])
    logging.getLogger(logger).setLevel(logging.INFO)
