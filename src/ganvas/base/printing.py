"""Text of unknown origin on a terminal: names of files, folders, classes and models.

A name may hold escape sequences, which change a terminal's title or colours, or characters that
reverse the order of what follows. They are written as Python writes them in a string, such as
\\x1b, so they can be read and have no effect.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, without tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the order of characters
    "\u2028\u2029"  # further line ends
    "\ud800-\udfff"  # bytes of a file name that are not UTF-8
)
_ANYWHERE = re.compile(f"[{_UNSAFE}]")
_ON_A_LINE = re.compile(f"[{_UNSAFE}\t\n]")


def printable(text: str, encoding: str = "utf-8") -> str:
    """The text without control characters other than tab and newline, and with characters that
    `encoding` lacks as escapes. JSON in ASCII stays as it is."""
    return _ANYWHERE.sub(_escape, text).encode(encoding, "backslashreplace").decode(encoding)


def on_one_line(text: str) -> str:
    """The same, with tab and newline as escapes, too: for a name within a line."""
    return _ON_A_LINE.sub(_escape, text)


def is_plain(name: str) -> bool:
    """Whether a name holds nothing that `on_one_line` would change."""
    return not _ON_A_LINE.search(name)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class Printable:
    """A text stream that writes only printable text.

    It has no `buffer`, because bytes written there would bypass it.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(printable(text, getattr(self.stream, "encoding", None) or "utf-8"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name in ("buffer", "detach", "reconfigure"):
            raise AttributeError(name)
        return getattr(self.stream, name)


class Notes(Printable):
    """Standard error: nothing stops because its reader has ended, or its disk is full."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.flush()


def open_streams() -> None:
    """Open standard streams that the caller of the process has closed, to nowhere. Otherwise the
    next file that is opened would take their number, and messages would be written into it."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - kept open


def cover() -> None:
    """Make standard output and standard error `Printable`."""
    for name, kind in (("stdout", Printable), ("stderr", Notes)):
        if not isinstance(getattr(sys, name), Printable):
            setattr(sys, name, kind(getattr(sys, name)))


@contextlib.contextmanager
def covered() -> Iterator[None]:
    """Within the block, standard output and standard error are `Printable`."""
    before = sys.stdout, sys.stderr
    cover()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def uncovered(stream: Any) -> TextIO:
    """The stream below a `Printable`: for control characters that the program itself writes."""
    return stream.stream if isinstance(stream, Printable) else stream
