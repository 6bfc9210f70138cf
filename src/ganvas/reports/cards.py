"""Cards that link to other pages, in an index."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

from .markup import escape, mark, paragraph
from .page import Picture


@dataclass(frozen=True)
class Card:
    """One page of an index.

    Attributes:
        title: its name.
        sentence: what it says first.
        facts: in small print.
        link: path of the page, relative to the index; "": it has none.
        picture: above the title.
    """

    title: str
    sentence: str
    facts: str
    link: str = ""
    picture: Picture | None = None

    def html(self) -> str:
        title = escape(self.title)
        if self.link:
            title = f'<a href="{urllib.parse.quote(self.link)}">{title}</a>'
        picture = self.picture.html() if self.picture else ""
        return (
            f'<article class="card">{picture}<h3>{title}</h3><p>{escape(self.sentence)}</p>'
            f'<p class="facts">{escape(self.facts)}</p></article>'
        )

    def markdown(self) -> str:
        title = mark(self.title)
        title = f"[{title}]({urllib.parse.quote(self.link)})" if self.link else title
        return f"### {title}\n\n{paragraph(self.sentence)}\n\n{paragraph(self.facts)}"


@dataclass(frozen=True)
class Cards:
    """Cards side by side."""

    cards: Sequence[Card]

    def html(self) -> str:
        return f'<div class="figures">{"".join(card.html() for card in self.cards)}</div>'

    def markdown(self) -> str:
        return "\n\n".join(card.markdown() for card in self.cards)
