"""An extension of griffe: `height, width: of the map.` describes two arguments, and griffe expects
one name for each description."""

from __future__ import annotations

import re
from typing import Any

import griffe

SECTION = re.compile(r"^(Args|Attributes):\n((?:(?:    .*)?(?:\n|\Z))+)", re.MULTILINE)
ENTRY = re.compile(r"^    (?=\S)", re.MULTILINE)
NAMES = re.compile(r"(\*{0,2}\w+(?:,\s+\*{0,2}\w+)+):", re.MULTILINE)


class SharedNames(griffe.Extension):
    """Splits such descriptions before they are parsed."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring:
            obj.docstring.value = split(obj.docstring.value)


def split(docstring: str) -> str:
    """The docstring with a description for each name."""

    def section(found: re.Match[str]) -> str:
        entries = ENTRY.split(found[2])
        return f"{found[1]}:\n" + "".join(map(_entry, entries[1:]))

    return SECTION.sub(section, docstring)


def _entry(text: str) -> str:
    shared = NAMES.match(text)
    if not shared:
        return f"    {text}"
    meaning = text[shared.end() :].rstrip("\n")
    end = text[shared.end() + len(meaning) :]  # the blank line that ends the section, too
    names = re.split(r",\s+", shared[1])
    return "\n".join(f"    {name}:{meaning}" for name in names) + end
