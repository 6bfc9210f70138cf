"""What run.json and manifest.json say of the images; somebody else may have written it."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError

_FACTS: dict[str, type | tuple[type, ...]] = {
    "shape": int,
    "names": str,
    "class_shares": (int, float),
}


def check_facts(found: Any, error: UsageError) -> dict[str, Any]:
    """The facts, if shape, names and class_shares are lists of the right types; else the error."""
    if not isinstance(found, dict):
        raise error
    for key, kind in _FACTS.items():
        values = found.get(key)
        if not isinstance(values, list) or not all(isinstance(one, kind) for one in values):
            raise error
    if len(found["shape"]) != 3:
        raise error
    return found
