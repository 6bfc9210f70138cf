"""Classes by name or index: one rule for Python, the command line, server and client."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from ..errors import UsageError, no_such


def class_index(label: int | str, names: Sequence[str]) -> int:
    """The index of a class: an integer is an index; a string is a name, or an index where no class
    has that name.

    Raises: UsageError: no such class.
    """
    if isinstance(label, str):
        if label in names:
            return list(names).index(label)
        if not (label.isascii() and label.isdecimal()) or int(label) >= len(names):
            raise UsageError(no_such("label", label, names))
        return int(label)
    try:
        index = operator.index(label)
    except TypeError as error:
        raise UsageError(
            f"a label must be the name of a class or its index, got {label!r}"
        ) from error
    if not 0 <= index < len(names):
        raise UsageError(
            f"label {index} is no index of a class: give 0 to {len(names) - 1}, or a name"
        )
    return index
