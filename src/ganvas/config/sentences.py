"""What is wrong with a recipe, in one sentence: what was received, what is accepted, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ..errors import no_such

_PART = 'must be "name" or {name = "...", ...}'
FORMS = {
    "data.size": "must be a side or [height, width], each 16 to 256 pixels",
    "data.levels": 'must be "auto", "full" or [low, high] with low < high',
    "data.flip": 'must be true, false or "auto"',
    "data.labels": "must be true, false or the path of a .csv file",
    "penalties": 'must be a list such as ["r1"] or [{name = "r1", weight = 0.1}]',
    "loss": _PART, "augment": _PART, "networks": _PART,
}  # fmt: skip
"""What keys of several types accept."""
_WORDS = {
    "greater_than": "must be > {gt}",
    "greater_than_equal": "must be >= {ge}",
    "less_than": "must be < {lt}",
    "less_than_equal": "must be <= {le}",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be a table of keys",
    "dict_type": "must be a table of keys",
}
"""Pydantic's kinds of errors -> what is accepted."""


def unknown_key(key: str, known: Sequence[str]) -> str:
    """The sentence for a key that a recipe does not have; it suggests the nearest ones: by the last
    part of the name, such as kimg, or by the whole name."""
    section = key.rpartition(".")[0]
    same = [one for one in known if one.startswith(f"{section}.")]
    meant = nearest_keys(key, known)
    hint = f"did you mean {' or '.join(map(repr, meant))}? " if meant else ""
    if same:
        return f"unknown key '{key}': {hint}Accepted in [{section}]: " + ", ".join(
            one.removeprefix(f"{section}.") for one in sorted(same)
        )
    return f"unknown key '{key}': {hint}`ganvas config` lists all keys"


def nearest_keys(key: str, known: Sequence[str]) -> list[str]:
    """The keys that may be meant, best first: all of the same last part, or the nearest one."""
    last = key.rpartition(".")[2]
    if last.isdecimal():
        return []
    same = [one for one in known if one.rpartition(".")[2] == last]
    if same:
        return same
    if near := difflib.get_close_matches(key, known, n=1):
        return near
    lasts = {one.rpartition(".")[2]: one for one in reversed(known)}
    return [lasts[one] for one in difflib.get_close_matches(last, lasts, n=1, cutoff=0.75)]


def unknown_argument(kind: str, name: str, argument: str, accepted: Iterable[str]) -> str:
    """The sentence for an argument that the constructor of a part does not take."""
    takes = sorted(accepted)
    if not takes:
        return f"{kind} {name} takes no arguments, got '{argument}': leave it out"
    return no_such(f"argument of {kind} {name}", argument, takes)


def missing_argument(kind: str, name: str, argument: str) -> str:
    """The sentence for an argument that the constructor of a part needs."""
    return f"{kind} {name} needs '{argument}': write {{name = \"{name}\", {argument} = ...}}"


def sentence(error: ValidationError, known: Sequence[str]) -> str:
    """The first error that Pydantic has found."""
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]  # contains names of types, too
    key = ".".join(k for k in path if k not in ("str", "int", "Range") and not set(k) & set("[("))
    if first["type"] == "extra_forbidden":
        return unknown_key(key, known)
    reason = first["msg"].removeprefix("Value error, ")
    if not key:
        return reason
    if accepted := _accepted(key, first["type"], first.get("ctx", {})):
        return f"{key} {accepted}, got {first['input']!r}"
    return f"{key} = {first['input']!r} is not accepted: {reason[0].lower()}{reason[1:]}"


def _accepted(key: str, kind: str, bounds: Mapping[str, Any]) -> str | None:
    form = _PART if key.startswith("penalties.") else FORMS.get(key, _WORDS.get(kind))
    shown = {name: f"{n:g}" if isinstance(n, float) else n for name, n in bounds.items()}
    return form if form is None or key in FORMS or form is _PART else form.format(**shown)
