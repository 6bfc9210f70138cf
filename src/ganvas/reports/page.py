"""A page of blocks, as one self-contained HTML file and as Markdown.

Blocks hold plain text in English; `markup` translates and escapes all of it.
"""

from __future__ import annotations

import base64
import html
import io
import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Protocol

import numpy as np
from PIL import Image

from ..base.printing import printable
from .language import TAGS, Name, say, speaking
from .markup import escape, fenced, mark, paragraph, spoken

SMALL = 480  # a picture of fewer pixels is enlarged without smoothing


class Block(Protocol):
    """A part of a section."""

    def html(self) -> str: ...
    def markdown(self) -> str: ...


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def html(self) -> str:
        return f"<p>{escape(self.text)}</p>"

    def markdown(self) -> str:
        return paragraph(self.text)


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    lines: Sequence[str]

    def html(self) -> str:
        return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in self.lines) + "</ul>"

    def markdown(self) -> str:
        return "\n".join(f"- {paragraph(line)}" for line in self.lines)


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header; the first cell names its row.

    Attributes:
        sides: "l" or "r" per column.
        caption: what the table shows.
        notes: the last column holds sentences; narrow screens show each row as a block, in which
            every value has its column's name.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    sides: str
    caption: str
    notes: bool = False

    def html(self) -> str:
        cells = (self._cell("th", "col", i, cell) for i, cell in enumerate(self.header))
        head = f"<thead><tr>{''.join(cells)}</tr></thead>" if any(self.header) else ""
        kind = ' class="notes"' if self.notes else ""
        rows = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(self.caption)}">'
            f"<table{kind}><caption><span>{escape(self.caption)}</span></caption>{head}"
            f"<tbody>{rows}</tbody></table></div>"
        )

    def markdown(self) -> str:
        rules = ["--:" if side == "r" else "---" for side in self.sides]
        rows = [[mark(cell) for cell in row] for row in (self.header, *self.rows)]
        lines = [f"| {' | '.join(row)} |" for row in (rows[0], rules, *rows[1:])]
        return f"{paragraph(self.caption)}\n\n" + "\n".join(lines)

    def _row(self, row: Sequence[str]) -> str:
        first, *others = row
        cells = [self._cell("td", "", i, cell) for i, cell in enumerate(others, 1)]
        return self._cell("th", "row", 0, first) + "".join(cells)

    def _cell(self, tag: str, scope: str, column: int, text: str) -> str:
        about = f' scope="{scope}"' if scope else ""
        if self.notes and tag == "td":
            about += f' data-label="{escape(self.header[column])}"'
        about += ' class="r"' if self.sides[column] == "r" else ""
        return f"<{tag}{about}>{escape(text)}</{tag}>"


@dataclass(frozen=True)
class Picture:
    """An image with a caption.

    Attributes:
        image: uint8 [H, W, C].
        alt: text for readers who cannot see it.
        link: file for the link in Markdown; "": no link.
        most: maximum length of its longer side, in pixels; larger images are reduced.
    """

    image: np.ndarray
    alt: str
    caption: str
    link: str = ""
    most: int = 1400

    def html(self) -> str:
        picture = Image.fromarray(self.image[..., 0] if self.image.shape[2] == 1 else self.image)
        factor = math.ceil(max(picture.size) / self.most)
        picture = picture.reduce(factor) if factor > 1 else picture
        file = io.BytesIO()
        picture.save(file, "png", optimize=True)
        source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
        pixels = ' class="pixels"' if picture.width < SMALL else ""
        size = f'width="{picture.width}" height="{picture.height}"'
        return (
            f'<figure><img{pixels} {size} alt="{escape(self.alt)}" src="{source}">'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )

    def markdown(self) -> str:
        if not self.link:
            return "(" + mark(f"{self.caption}: see report.html") + ")"
        return f"![{mark(self.alt)}]({self.link})\n\n{paragraph(self.caption)}"


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side; `layout` is "" for large ones, "small" or "one"."""

    pictures: Sequence[Picture]
    layout: str = ""

    def html(self) -> str:
        shown = "".join(picture.html() for picture in self.pictures)
        return f'<div class="figures {self.layout}">{shown}</div>'

    def markdown(self) -> str:
        return "\n\n".join(picture.markdown() for picture in self.pictures)


@dataclass(frozen=True)
class Charts:
    """Charts, (title, SVG), and a table of their numbers; Markdown shows only the table.

    In HTML the table is next to a single chart, and folded below several.
    """

    charts: Sequence[tuple[str, str]]
    table: Table

    def html(self) -> str:
        own = {cell for row in self.table.rows for cell in row if isinstance(cell, Name)}
        figures = "".join(
            self._figure(escape(title), spoken(svg, own)) for title, svg in self.charts
        )
        if len(self.charts) == 1:
            return f'<div class="figures">{figures}{self.table.html()}</div>'
        numbers = f"<summary>{escape('The numbers')}</summary>{self.table.html()}"
        return f'<div class="figures">{figures}</div><details class="numbers">{numbers}</details>'

    def markdown(self) -> str:
        return self.table.markdown()

    def _figure(self, title: str, svg: str) -> str:
        svg = svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
        return f'<figure class="chart"><figcaption>{title}</figcaption>{svg}</figure>'


@dataclass(frozen=True)
class Code:
    """Preformatted text, folded in HTML; `sentences`: its lines are for people."""

    summary: str
    text: str
    sentences: bool = False
    language: str = "toml"

    def html(self) -> str:
        text = html.escape(printable(self._said()))
        return f"<details><summary>{escape(self.summary)}</summary><pre>{text}</pre></details>"

    def markdown(self) -> str:
        return f"{paragraph(self.summary)}:\n\n{fenced(self._said(), self.language)}"

    def _said(self) -> str:
        return "\n".join(map(say, self.text.split("\n"))) if self.sentences else self.text


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A title with a verdict, sections, and a footer.

    Attributes:
        tone: of the verdict: "good", "bad" or "".
        reasons: of the verdict.
        lines: below the title.
        kind: of report, above the title.
    """

    title: str
    verdict: str
    tone: str
    reasons: Sequence[str]
    lines: Sequence[str]
    sections: Sequence[Section]
    footer: str
    kind: str = "Report of a run"

    def html(self, lang: str = "") -> str:
        """As HTML, in a language, see `speaking`."""
        frame = resources.files(__package__).joinpath("report.html").read_text("utf-8")
        with speaking(lang) as spoken_here:
            values = {"title": escape(self.title), "body": self._body(), "lang": TAGS[spoken_here]}
        return string.Template(frame).substitute(values)

    def markdown(self, lang: str = "") -> str:
        """As Markdown, in a language, see `speaking`."""
        with speaking(lang):
            return self._markdown()

    def _body(self) -> str:
        body = [self._header()]
        for number, section in enumerate(self.sections, 1):
            title = f'<h2 id="s{number}">{escape(section.title)}</h2>'
            body.append("\n".join(["<section>", title, *(b.html() for b in section.blocks)]))
            body.append("</section>")
        return "\n".join([*body, f"<footer>{escape(self.footer)}</footer>"])

    def _markdown(self) -> str:
        parts = [f"# {mark(self.title)}", f"**{mark(self.verdict).strip()}**"]
        parts += [Items(self.reasons).markdown()] if self.reasons else []
        parts += [paragraph(line) for line in self.lines]
        for section in self.sections:
            parts += [f"## {mark(section.title)}", *(b.markdown() for b in section.blocks)]
        return "\n\n".join([*parts, paragraph(self.footer)]) + "\n"

    def _header(self) -> str:
        lines = "".join(f"<p>{escape(line)}</p>" for line in self.lines)
        reasons = Items(self.reasons).html() if self.reasons else ""
        links = "".join(
            f'<a href="#s{number}">{escape(section.title)}</a> '
            for number, section in enumerate(self.sections, 1)
        )
        return (
            f'<header><p class="kind">{escape(self.kind)}</p><h1>{escape(self.title)}</h1>'
            f'<div class="verdict {self.tone}"><strong>{escape(self.verdict)}</strong>{reasons}'
            f'</div>{lines}<nav aria-label="{escape("Sections")}">{links}</nav></header>'
        )
