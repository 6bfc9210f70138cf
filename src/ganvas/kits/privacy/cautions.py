"""What an audit says against itself."""

from __future__ import annotations

from typing import Any

from .case import Case
from .result import Result


def notes(case: Case, controlled: Result, bound: Any, leaked: bool) -> list[str]:
    """What a reader must know before believing the verdict."""
    notes = list(case.notes)
    more = controlled.more
    if not more["found"]:
        notes.append(
            "The positive control was missed: copies that were planted for a test were not "
            "found, so that silence means little here."
        )
    if more["false_alarm"] or more["unlike"]:
        notes.append(
            "A negative control was flagged: real images that no generator made look as if "
            "they leaked. The two parts are not alike; split them at random (by person) "
            "and audit again. Until then the verdict is not to be trusted."
        )
    if bound and leaked:
        notes.append("A leak was found beside a formal bound: look for an error in either.")
    return notes
