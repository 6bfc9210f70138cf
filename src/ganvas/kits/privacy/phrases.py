"""Numbers in sentences."""

from __future__ import annotations

from ...reports.tables import number


def percent(share: float | None) -> str:
    """A share of 1 as a percentage with two significant digits, without powers of ten."""
    if share is None:
        return "–"
    shown = 100 * share
    if 0 < shown < 100 and round(shown, 1) >= 99.95:
        return "over 99.9 %"
    digits = f"{shown:.0f}" if shown >= 10 or shown == 0 else number(float(f"{shown:.2g}"))
    return f"{digits} %"


def together(words: list[str]) -> str:
    """One, two and three."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capital(text: str) -> str:
    """With a capital letter at its start, as a sentence."""
    return f"{text[:1].upper()}{text[1:]}"
