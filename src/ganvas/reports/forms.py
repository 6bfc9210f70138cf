"""Blocks that are filled in by hand on a printed page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .markup import escape, mark, paragraph

_LINES = ("Name", "Date", "Signature")


@dataclass(frozen=True)
class Signatures:
    """A line for the name, the date and the signature of each person.

    Attributes:
        people: their roles.
        choices: boxes to tick, above the lines.
    """

    people: Sequence[str]
    choices: Sequence[str] = ()

    def html(self) -> str:
        boxes = "".join(f"<li>{escape(choice)}</li>" for choice in self.choices)
        lines = "".join(f"<span>{escape(word)}</span>" for word in _LINES)
        rows = "".join(
            f'<div class="sign"><strong>{escape(role)}</strong>{lines}</div>'
            for role in self.people
        )
        ticks = f'<ul class="boxes">{boxes}</ul>' if boxes else ""
        return f'<div class="signatures">{ticks}{rows}</div>'

    def markdown(self) -> str:
        ticks = "\n".join(f"- ☐ {paragraph(choice)}" for choice in self.choices)
        blanks = " ".join(f"{mark(word.lower())} ________" for word in _LINES)
        lines = "\n".join(f"- {paragraph(role)}: {blanks}" for role in self.people)
        return f"{ticks}\n\n{lines}" if ticks else lines
