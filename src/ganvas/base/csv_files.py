"""CSV files that a spreadsheet reads as text and numbers, never as formulas.

A cell of text that begins with `=`, `+`, `-`, `@`, a tab or CR gets an apostrophe in front.
Source: OWASP, CSV Injection. `exact` removes it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA = re.compile("'*[=+\\-@\t\r]")
"""With apostrophes in front: `exact` must tell a name of this kind from one that was changed."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


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
