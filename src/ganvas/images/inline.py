"""How a notebook shows a result: its name, facts and a small picture, as HTML in itself.

Names of files and classes may be of unknown origin: each text is escaped.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

import numpy as np
from PIL import Image

from ganvas.base.printing import on_one_line
from ganvas.images import grid, over_white, png
from ganvas.images.sheets import enlarged, factor

WIDTH = 320
"""Most pixels of a picture, or fewest of small images, which are enlarged."""
COLOURS = 64
"""Of a picture: it then takes a third of the bytes, which a notebook keeps."""
_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0"


def card(
    title: str, facts: Iterable[tuple[str, object]], picture: np.ndarray | None = None,
    synthetic: bool = True,
) -> str:  # fmt: skip
    """A title, a row for each fact (empty ones are left out), and a picture.

    Args:
        picture: uint8 [H, W, C].
        synthetic: whether the picture holds generated images; it then says so.
    """
    rows = "".join(
        f'<tr><th style="{_CELL}">{escaped(name)}</th>'
        f'<td style="{_CELL}">{escaped(value)}</td></tr>'
        for name, value in facts
        if value not in (None, "")
    )
    image = "" if picture is None else f"<div>{img(picture, title, synthetic)}</div>"
    return f"<div><div><b>{escaped(title)}</b></div><table>{rows}</table>{image}</div>"


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A table with a head."""
    cells = "".join(f'<th style="{_CELL}">{escaped(one)}</th>' for one in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escaped(one)}</td>' for one in row) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{cells}</tr>{body}</table>"


def escaped(text: object) -> str:
    """Text for HTML: on one line, without control characters."""
    return html.escape(on_one_line(str(text)))


def img(picture: np.ndarray, alt: str, synthetic: bool = True) -> str:
    """An <img> that holds its picture, uint8 [H, W, C]."""
    data = base64.b64encode(png(_small(picture), synthetic=synthetic)).decode()
    return f'<img alt="{escaped(alt)}" src="data:image/png;base64,{data}">'


def small_grid(images: np.ndarray, columns: int | None = None) -> Image.Image:
    """Images uint8 [N, H, W, C] as one of Pillow, which notebooks show; small ones enlarged."""
    made = grid(images, columns)
    return over_white(enlarged(made, factor(made.shape[1], WIDTH)))


def _small(picture: np.ndarray) -> Image.Image:
    """At most `WIDTH` pixels wide; about as many, if it is much smaller."""
    width = picture.shape[1]
    if width <= WIDTH:
        shown = over_white(enlarged(picture, factor(width, WIDTH) if 2 * width <= WIDTH else 1))
    else:
        size = WIDTH, max(1, round(picture.shape[0] * WIDTH / width))
        shown = over_white(picture).resize(size, Image.Resampling.BICUBIC)
    return shown if shown.mode == "L" else shown.quantize(COLOURS)
