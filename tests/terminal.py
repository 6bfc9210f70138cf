"""A terminal for tests: a pseudo-terminal of a size, and what its screen shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time

_TOKEN = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\].*?(?:\x07|\x1b\\)|(.)", re.DOTALL)


class Terminal:
    """A pseudo-terminal.

    Attributes:
        stream: a program's standard error.
    """

    def __init__(self, columns: int, rows: int = 40) -> None:
        self._reader, self._writer = pty.openpty()
        self.resize(columns, rows)
        self.stream = os.fdopen(self._writer, "w", encoding="utf-8")
        self._parts: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def resize(self, columns: int, rows: int = 40) -> None:
        fcntl.ioctl(self._writer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def so_far(self) -> list[bytes]:
        """What it was sent until now."""
        self.stream.flush()
        termios.tcdrain(self._writer)
        while select.select([self._reader], [], [], 0.02)[0]:
            time.sleep(0.001)
        return list(self._parts)

    def close(self) -> str:
        """All that it was sent."""
        self.stream.close()
        self._thread.join()
        os.close(self._reader)
        return b"".join(self._parts).decode("utf-8", "replace")

    def _read(self) -> None:  # all the time: a full terminal blocks who writes
        with contextlib.suppress(OSError):
            while part := os.read(self._reader, 65536):
                self._parts.append(part)


class Screen:
    """The lines that a terminal shows, with all that has scrolled away; without colours."""

    def __init__(self, columns: int) -> None:
        self.columns, self.lines, self.row, self.column = columns, [""], 0, 0

    def feed(self, text: str) -> Screen:
        for numbers, command, letter in _TOKEN.findall(text):
            if command:
                self._command(command, int(re.sub(r"\D.*", "", numbers) or (command in "AB")))
            elif letter == "\r":
                self.column = 0
            elif letter == "\n":
                self._down()
            elif letter >= " ":
                if self.column >= self.columns:  # it wraps
                    self._down()
                    self.column = 0
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + letter + line[self.column + 1 :]
                self.column += 1
        return self

    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.lines]

    def _command(self, command: str, number: int) -> None:
        if command == "A":
            self.row = max(0, self.row - number)
        elif command == "B":
            for _ in range(number):
                self._down()
        elif command == "G":
            self.column = max(0, number - 1)
        elif command == "K":
            whole = number == 2
            self.lines[self.row] = "" if whole else self.lines[self.row][: self.column]
        elif command not in "mhl":
            raise ValueError(f"not known: {command}")

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")
