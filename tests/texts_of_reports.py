"""A plugin: `pytest -p texts_of_reports FILES` adds the texts of pages that these tests write.

They go into texts_of_reports.txt; tests/unit/test_language.py shows that each can be translated.

Texts without a translation are left out: they are names, or sentences that a test made up. That no
sentence of the package lacks one is another test of that file.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganvas.reports import language, markup, page
from ganvas.reports.language import Name, translated

FILE = Path(__file__).with_suffix(".txt")
PROSE = re.compile(r"[a-z]{2,},? [a-z]{2,}")
_seen: set[str] = set()


def _kept(text: str) -> str:
    if not isinstance(text, Name):
        _seen.add(" ".join(str(text).split()))
    return _say(text)


_say = language.say


def pytest_configure() -> None:
    markup.say = page.say = _kept


def pytest_unconfigure() -> None:
    known = FILE.read_text("utf-8").splitlines() if FILE.is_file() else []
    wanted = (
        text
        for text in _seen
        if text.isprintable() and ": see report" not in text and PROSE.search(text)
    )
    added = {text for text in wanted if translated(text, "zh")}
    # The same sentence with other numbers shows nothing more.
    shapes = {re.sub(r"\d[\d.,]*", "0", text): text for text in sorted({*known, *added})}
    FILE.write_text("".join(f"{text}\n" for text in sorted(shapes.values())), "utf-8")
