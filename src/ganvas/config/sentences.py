"""Sentences about a recipe that is not accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ..errors import no_such

_PART = 'must be "name" or {name = "...", ...}'
_FORMS = {
    "data.size": "must be a side or [height, width], each 16 to 256 pixels",
    "data.levels": 'must be "auto", "full" or [low, high] with low < high',
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
    """About a key that is not among the known ones."""
    section = key.partition(".")[0]
    same = [k for k in known if k.startswith(section + ".")]
    return no_such("key", key, same or known)


def sentence(error: ValidationError, known: Sequence[str]) -> str:
    """About the first error of Pydantic; `known`: all keys."""
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
    form = _PART if key.startswith("penalties.") else _FORMS.get(key, _WORDS.get(kind))
    shown = {name: f"{n:g}" if isinstance(n, float) else n for name, n in bounds.items()}
    return form if form is None or key in _FORMS or form is _PART else form.format(**shown)
