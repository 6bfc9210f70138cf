"""Tables for the terminal: aligned plain text, by rich, which knows the width of characters."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..base.printing import on_one_line

_WIDE = 1_000_000
"""Characters: lines are neither wrapped nor truncated, because scripts read them."""


def aligned(rows: Sequence[Sequence[str]], sides: str = "", width: int | None = None) -> str:
    """Rows of cells as lines of text, columns two spaces apart; the first row is the head.

    Args:
        sides: "l" or "r" for each column; the default is left.
        width: of a terminal: the last column is wrapped to it; None: nothing is.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for place, side in enumerate(sides.ljust(len(rows[0]), "l")):
        wraps = width is not None and place == len(rows[0]) - 1
        table.add_column(justify="right" if side == "r" else "left", no_wrap=not wraps)
    for row in rows:
        table.add_row(*(Text(on_one_line(cell)) for cell in row))
    text = io.StringIO()
    console = Console(file=text, width=width or _WIDE, color_system=None, legacy_windows=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def number(value: float | None) -> str:
    """Three significant digits, thousands in full, no powers of ten; a dash for None."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return np.format_float_positional(value, 3, unique=False, fractional=False, trim="-")
