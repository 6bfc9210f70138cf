"""The language of a page: what is written in place of its English texts.

Pages are built in English. `languages/LANGUAGE/*.toml` hold a translation for each sentence; a page
uses them when it is written, so that the code that finds a result knows one language. A key is a
sentence with placeholders, whose first letter says what may stand there:

    {n}, {n2} ...  a number, or "–"
    {s}, {s2} ...  a text that is translated in its turn
    {l}, {l2} ...  several of them: "a, b and c"
    {v}, {v2} ...  anything: names, paths, values; it stays as it is
    {w}, {w2} ...  the same, but a single word
    {d}, {d2} ...  a date

Of a text that has no key, the sentences or the parts between ";" and "·" are looked up. If one of
them is not found, the whole text stays English. A `Name` is never looked up.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from importlib import resources

from ..errors import UsageError, no_such

TAGS = {"en": "en", "zh": "zh-CN"}
"""Languages -> their names in HTML."""
VARIABLE = "GANVAS_LANG"
Joints = tuple[tuple[str, str], ...]
LISTED: Joints = ((", ", "、"), (" and ", "、"))
JOINTS: Joints = ((" · ", " · "), (". ", "。"), ("; ", "；"), (", ", "、"))
"""Between the parts of a list and of a text, and what stands there in Chinese."""
MOST_PARTS = 60
"""Texts of more parts are not looked up part by part."""
_NUMBER = r"[-+±]?(?:\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan)(?: ?%)?|–"
_ANYTHING = r"((?:(?! · |; |\. [A-Z]).)+?)"  # it ends where another sentence begins
_KINDS = {
    "n": rf"({_NUMBER})", "s": "(.+)", "l": "(.+?)", "v": _ANYTHING, "w": r"(\S+)",
    "d": r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?(?: \S+)?)",
}  # fmt: skip
_LETTERS = re.compile("[A-Za-z]")
_current: ContextVar[str] = ContextVar("language", default="")


class Name(str):
    """A text that is the same in every language: the name of a class, a file, a run."""

    __slots__ = ()


@contextmanager
def speaking(lang: str = "") -> Iterator[str]:
    """Pages are written in this language meanwhile; see `chosen`."""
    found = chosen(lang)
    before = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(before)


def chosen(lang: str = "") -> str:
    """A language that there is.

    Args:
        lang: "en", "zh"; "": as around it, else by the environment variable GANVAS_LANG, else en.

    Raises: UsageError: there is no such language.
    """
    found = lang or _current.get() or os.environ.get(VARIABLE) or "en"
    if found not in TAGS:
        raise UsageError(no_such("language", found, TAGS))
    return found


def say(text: str) -> str:
    """The text in the language that is spoken."""
    lang = _current.get() or "en"
    if lang == "en" or isinstance(text, Name):
        return text
    return translated(text, lang) or text


def translated(text: str, lang: str) -> str | None:
    """A text in another language; None: a part of it has no translation."""
    start = text[: len(text) - len(text.lstrip())]
    found = _catalogue(lang).text(text.strip())
    return None if found is None else start + found


class Catalogue:
    """The sentences of one language.

    Args:
        sentences: English sentence -> its translation, both without the last full stop; that of an
            abbreviation belongs to it.
    """

    def __init__(self, sentences: Mapping[str, str]) -> None:
        fixed = {key: said for key, said in sentences.items() if "{" not in key}
        self.fixed = {_other(key): said for key, said in fixed.items()} | fixed
        self.patterns = [
            (pattern, re.findall(r"{(\w+)}", key), value)
            for key, value in sorted(sentences.items(), key=lambda one: -_said(one[0]))
            if "{" in key
            for pattern in _patterns(key)
        ]
        self.text = lru_cache(4096)(self._text)

    def _text(self, text: str) -> str | None:
        if not _LETTERS.search(text):
            return text
        found = self._whole(text)
        if found is not None:
            return found
        return self._parts(text, JOINTS, self.text) if _parts_of(text) <= MOST_PARTS else None

    def _whole(self, text: str) -> str | None:
        """By a single key."""
        body, stop = (text[:-1], "。") if text.endswith(".") else (text, "")
        if text in self.fixed:  # also an abbreviation such as "bal."
            return self.fixed[text]
        if body in self.fixed:
            return self.fixed[body] + stop
        for pattern, names, value in self.patterns:
            match = pattern.fullmatch(body)
            filled = self._filled(names, match.groups()) if match else None
            if filled is not None:
                return value.format_map(filled) + stop
        return None

    def _filled(self, names: list[str], groups: tuple[str, ...]) -> dict[str, str] | None:
        filled = {}
        for name, group in zip(names, groups, strict=True):
            said: str | None = group
            if name[0] == "s":
                said = self.text(group)
            elif name[0] == "l":
                said = self._list(group)
            if said is None:
                return None
            filled[name] = said
        return filled

    def _list(self, text: str) -> str | None:
        return self._whole(text) or self._parts(text, LISTED, self._list)

    def _parts(self, text: str, joints: Joints, others: Callable[[str], str | None]) -> str | None:
        """The longest first part that has a key, and the rest, by `others`."""
        for english, joint in joints:
            place = text.rfind(english)
            while place > 0:
                first = self._whole(text[:place])
                rest = None if first is None else others(text[place + len(english) :])
                if rest is not None:
                    return f"{first}{joint}{rest}"
                place = text.rfind(english, 0, place)
        return None


def _other(key: str) -> str:
    """The key at another place of a sentence: its first letter in the other case."""
    return key[:1].swapcase() + key[1:]


def _said(key: str) -> int:
    """How much of a key is fixed: the key that says the most is tried first."""
    return len(re.sub(r"{\w+}", "", key))


def _parts_of(text: str) -> int:
    return 1 + sum(text.count(english) for english, _ in JOINTS)


def _patterns(key: str) -> list[re.Pattern[str]]:
    """A key as expressions; the case of its first letter is free. A part that is translated in its
    turn is the longest that is possible, or else the shortest."""
    pieces = re.split(r"({\w+})", key)
    made = [_KINDS[one[1]] if one.startswith("{") else re.escape(one) for one in pieces]
    if made[0]:
        made[0] = f"(?i:{re.escape(key[0])}){re.escape(pieces[0][1:])}"
    texts = dict.fromkeys(("".join(made), "".join(made).replace("(.+)", "(.+?)")))
    return [re.compile(text, re.DOTALL) for text in texts]


@cache
def _catalogue(lang: str) -> Catalogue:
    folder = resources.files(__package__).joinpath("languages", lang)
    found: dict[str, str] = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        found |= tomllib.loads(file.read_text("utf-8"))
    return Catalogue(found)
