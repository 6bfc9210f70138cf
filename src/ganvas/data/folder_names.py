"""Folders whose names say that they are parts of one set, not classes."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SHARD = re.compile(r"\d{5,}")
_NUMBERED = re.compile(r"(?P<of>.*[-_ ])?(part|chunk|shard|batch|fold)[-_ ]?\d+", re.IGNORECASE)
_CAMERA = re.compile(r"[1-9]\d\d[A-Z0-9_]{5}")  # 100CANON: JEITA CP-3461, the folders of cameras
_YEAR = r"(19|20)\d\d"
_DATE = re.compile(
    rf"{_YEAR}(?:(0[1-9]|1[0-2])([0-3]\d)?|[-_. ]\d\d?([-_. ]\d\d?)?|年(\d\d?月(\d\d?日)?)?)?"
)
"""A year, a month or a day, as photo archives name their folders."""
_MONTH = re.compile("0[1-9]|1[0-2]")


def are_numbered(names: Sequence[str]) -> bool:
    """Whether these are parts by number: 00000 and 00001, part_1 and part_2, 100CANON."""
    if len(names) > 1 and all(map(_CAMERA.fullmatch, names)):
        return True
    words = {(match["of"] or "").lower() for match in map(_NUMBERED.fullmatch, names) if match}
    if len(words) == 1:
        return len(names) > 1 and all(map(_NUMBERED.fullmatch, names))
    return (
        bool(names)
        and all(_SHARD.fullmatch(name) for name in names)
        and len({len(name) for name in names}) == 1
        and any(name.startswith("0") for name in names)
    )


def are_dates(names: Sequence[str], above: str) -> bool:
    """Whether these are years, months or days; `above` is the folder that they lie in, which may be
    the year of months."""
    pattern = _MONTH if re.fullmatch(_YEAR, above) else _DATE
    return len(names) > 1 and all(map(pattern.fullmatch, names))
