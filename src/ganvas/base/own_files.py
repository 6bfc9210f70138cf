"""Files that ganvas wrote may be written again; files of others are never replaced."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable
from pathlib import Path

from ..errors import UsageError

MARK = "Made by ganvas"
"""Stands in every page, chart and film that a command writes by a name that the user chooses."""
_MARKS = (MARK.encode(), "由 ganvas ".encode())
"""The same of pages in every language."""
SOFTWARE = {"Software": "ganvas"}
"""The same for PNG files: a text field."""
_SEEN = 2**16  # bytes at each end of a file
_OLDER = {"model", "seed", "truncation"}
"""Text fields of PNG files of versions without SOFTWARE."""


def check_replaceable(*paths: Path) -> None:
    """Before work begins whose result is written there.

    Raises: UsageError: a file exists that ganvas did not write.
    """
    for path in paths:
        if path.exists() and not is_own(path):
            raise UsageError(
                f"{path} exists, and ganvas did not write it: choose another name, or move the file"
            )


def is_own(path: Path) -> bool:
    """Whether ganvas wrote this file."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        start = file.read(_SEEN)
        if start.startswith(b"\x89PNG\r\n\x1a\n"):
            fields = dict(_text_fields(start))
            return fields.get("Software", "").startswith("ganvas") or fields.keys() >= _OLDER
        file.seek(max(0, path.stat().st_size - _SEEN))
        end = file.read()
        return any(mark in start or mark in end for mark in _MARKS)
    return False


def text_fields(path: Path) -> dict[str, str]:
    """The text fields that stand at the beginning of a PNG file, without XMP; else none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        start = file.read(_SEEN)
        if start.startswith(b"\x89PNG\r\n\x1a\n"):
            fields = dict(_text_fields(start))
            return {name: fields[name] for name in fields if name != "XML:com.adobe.xmp"}
    return {}


def _text_fields(content: bytes) -> Iterable[tuple[str, str]]:
    """Name and value of the text fields at the beginning of a PNG file."""
    at = 8
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        data = content[at + 8 : at + 8 + length]
        if kind in (b"tEXt", b"iTXt"):
            name, _, value = data.partition(b"\0")
            yield name.decode("latin-1"), value.lstrip(b"\0").decode("utf-8", "replace")
        at += 12 + length
