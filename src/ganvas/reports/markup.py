"""Text -> HTML and Markdown, in the language that is spoken; nothing in it has an effect."""

from __future__ import annotations

import html
import re
from collections.abc import Collection

from ..base.printing import printable
from .language import say


def escape(text: str) -> str:
    """Text -> HTML, for content and attributes."""
    return html.escape(plain(text))


def mark(text: str) -> str:
    """Text -> Markdown that shows it unchanged, also within a table."""
    text = html.escape(plain(text), quote=False)
    return re.sub(
        r"([\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])|(?i:(?<=http)|(?<=https)|(?<=ftp)):(?=//)"
        r"|(?i:(?<=www))\.)",
        r"\\\1",
        text,
    )


def paragraph(text: str) -> str:
    """The same at the start of a line, where some characters begin a heading or a list."""
    text = re.sub(r"^([#+-])", r"\\\1", mark(text).lstrip())
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)


def plain(text: str) -> str:
    """Text on one line, as it is said, without characters that have an effect of their own."""
    return printable(re.sub(r"[\t-\r\u2028\u2029]+", " ", say(text)))


def spoken(svg: str, names: Collection[str]) -> str:
    """A chart whose texts are in the language of the page, all but these names."""

    def said(found: re.Match[str]) -> str:
        text = html.unescape(found[1])
        return f">{html.escape(text if text in names else say(text), quote=False)}</text>"

    return re.sub(r">([^<>]+)</text>", said, svg)


def fenced(text: str, language: str = "") -> str:
    """Text -> a block of code in Markdown, longer fences than any within the text."""
    text = printable(text).rstrip()
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
