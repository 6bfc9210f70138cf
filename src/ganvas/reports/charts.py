"""Charts as SVG inside a page: without pyplot, and without changes to Matplotlib's settings.

Text remains text, in the font of the page; names are never read as TeX. Colours are distinguishable
for colour-blind readers (Okabe and Ito 2008), and lines in print by their dashes.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..base.printing import on_one_line, printable

WIDTH = 4.4  # inches: text of 8 points is readable at the width of a phone
INK, QUIET, LINE = "#24292f", "#6b7480", "#d8dde3"
COLOURS = ("#0b62a4", "#c8501e", "#2f7d4f", "#7a4fa3")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), "-.")
REAL = "#9aa3ad"
_VARIABLES = {
    INK: "ink", QUIET: "quiet", LINE: "line", REAL: "fill",
    **dict(zip(COLOURS, ("first", "second", "third", "fourth"), strict=True)),
}  # fmt: skip
"""Colours -> variables of the page, which has others in the dark."""
NAME = 24  # characters of a class name
_FEW = 24  # lines with at most so many points have markers
_SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "svg.hashsalt": "ganvas",  # the same chart gives the same file
    "font.size": 8,
    "font.family": ["DejaVu Sans"],
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


def drawn(paint: Callable[[Figure], None], height: float = 0.58 * WIDTH) -> str:
    """A figure as SVG in the style of a report.

    Args:
        paint: draws into the figure.
        height: in inches.
    """
    with style.context(["default", _SETTINGS]):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure)
        return _svg(figure)


def lines(
    series: Mapping[str, Sequence[float | None]],
    x: Sequence[float],
    x_label: str,
    *,
    best: float | None = None,
    floor: float | None = None,
    shares: bool = False,
) -> str:
    """Lines over x, as SVG; None, NaN and infinity are gaps.

    Args:
        series: name -> values, as many as `x`.
        best: x of the best model.
        floor: a level for comparison.
        shares: y is a share from 0 to 1.
    """

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot(xlabel=x_label)
        for index, (name, values) in enumerate(series.items()):
            _line(axes, index, name, x, values)
        if floor is not None:
            axes.axhline(floor, color=QUIET, linewidth=0.9, linestyle=(0, (1, 1.5)), label="floor")
        if best is not None:
            axes.axvline(best, color=INK, linewidth=0.8, alpha=0.6, label="best")
        if shares:
            axes.set_ylim(-0.02, 1.02)
        if len(axes.get_lines()) > 1:
            figure.legend(loc="outside upper left", ncols=4, handlelength=1.8, borderaxespad=0)

    return drawn(paint)


def bars(names: Sequence[str], real: Sequence[float], fake: Sequence[float]) -> str:
    """Shares of classes among real images and fakes, one row per class, as SVG."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        rows = np.arange(len(names))
        axes.barh(rows - 0.18, real, 0.34, color=REAL, label="real")
        axes.barh(rows + 0.18, fake, 0.34, color=COLOURS[0], label="generated")
        axes.set_yticks(rows, [_short(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        figure.legend(loc="outside upper left", ncols=2, handlelength=1, borderaxespad=0)

    return drawn(paint, 0.7 + 0.24 * len(names))


def spans(
    names: Sequence[str],
    middles: Sequence[float],
    lows: Sequence[float],
    highs: Sequence[float],
    x_label: str,
    *,
    zero: float | None = None,
) -> str:
    """A point with its interval for each name, one row per name, as SVG.

    Args:
        zero: x of no difference, marked by a line.
    """
    with style.context(["default", _SETTINGS]):
        figure = Figure(figsize=(WIDTH, 0.7 + 0.24 * len(names)), layout="constrained")
        axes = figure.add_subplot(xlabel=x_label)
        rows = np.arange(len(names))
        axes.hlines(rows, lows, highs, color=COLOURS[0], linewidth=1.3)
        axes.plot(middles, rows, "o", color=COLOURS[0], markersize=4)
        if zero is not None:
            axes.axvline(zero, color=INK, linewidth=0.8, alpha=0.6)
        axes.set_yticks(rows, [_short(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        return _svg(figure)


def _short(name: str) -> str:
    name = on_one_line(name)
    return name if len(name) <= NAME else name[: NAME - 1] + "…"


def _line(
    axes: Axes, index: int, name: str, x: Sequence[float], values: Sequence[float | None]
) -> None:
    finite = [math.nan if v is None or not math.isfinite(v) else v for v in values]
    axes.plot(
        x,
        finite,
        color=COLOURS[index % len(COLOURS)],
        linestyle=DASHES[index % len(DASHES)],
        linewidth=1.3,
        marker="o" if len(x) <= _FEW else None,
        markersize=2.5,
        label=_short(name),
    )


def _svg(figure: Figure) -> str:
    """The figure as a scalable <svg> with unique ids, without links and date."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # Glyphs missing in DejaVu only get a wrong width: the page has its own font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(file, format="svg", metadata=nothing)
    text = printable(file.getvalue())
    text = re.sub(r"<!--.*?-->", "", text[text.index("<svg") :], flags=re.DOTALL)
    own = hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r"<[^>]*>", lambda tag: _adapted(_with_own_ids(tag[0], own)), text)
    head, rest = text.split(">", 1)
    head = re.sub(r'\s(?:width|height|version|xmlns(?::\w+)?)="[^"]*"', "", head)
    return f"{head}>{rest}".strip()


def _with_own_ids(tag: str, own: str) -> str:
    tag = re.sub(r'\sid="', f' id="c{own}-', tag)
    return re.sub(r'(url\(|xlink:href=")#', rf"\1#c{own}-", tag)


def _adapted(tag: str) -> str:
    """A tag whose colours are variables of the page."""
    for colour, name in _VARIABLES.items():
        tag = tag.replace(f": {colour}", f": var(--{name}, {colour})")
    return tag
