"""CSV files: written so that a spreadsheet reads them as text and numbers, never as formulas; read
in the encodings in which spreadsheets write them.

A cell of text that begins with `=`, `+`, `-`, `@`, a tab or CR gets an apostrophe in front.
Source: OWASP, CSV Injection. `exact` removes it.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA = re.compile("'*[=+\\-@\t\r]")
"""With apostrophes in front: `exact` must tell a name of this kind from one that was changed."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
"""The first bytes of a text -> its encoding."""
for _name in ("utf-16", "gb2312", "gb18030", "cp1252"):
    codecs.lookup(_name)  # now, so that a stranger's file makes nothing be imported
_HIGH = re.compile(rb"[\x80-\xff]+")


def text_of(content: bytes) -> tuple[str, str]:
    """The text of a CSV file, and its encoding.

    Without a mark it is UTF-8. What is not UTF-8 is GB18030, in which Excel writes in China, if its
    bytes above 127 stand in pairs that are characters of GB 2312; else Windows-1252, in which it
    writes in Europe and America, where such bytes mostly stand alone.

    Raises: UnicodeDecodeError: none of these.
    """
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return content.decode(name), "UTF-16" if name == "utf-16" else "UTF-8"
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        with contextlib.suppress(UnicodeDecodeError):
            for pair in _HIGH.findall(content):
                pair.decode("gb2312")
            return content.decode("gb18030"), "GB18030"
        with contextlib.suppress(UnicodeDecodeError):
            return content.decode("cp1252"), "Windows-1252"
        raise


def csv_file(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """The content of a CSV file in UTF-8; a file name that is not UTF-8 keeps its bytes."""
    text = io.StringIO()
    lines = csv.writer(text)  # with CR LF: with another line end it would not quote CR in a cell
    lines.writerow([cell(name) for name in header])
    lines.writerows([cell(value) for value in row] for row in rows)
    # Halves of surrogate pairs that are no bytes of a file name have no encoding.
    content = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text.getvalue())
    return content.encode("utf-8", "surrogateescape")


def cell(value: object) -> str:
    """A value as a cell that is no formula."""
    text = str(value)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def exact(text: str) -> str:
    """The text that `cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
