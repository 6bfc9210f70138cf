"""Identities: who is on which image; nobody may be in both parts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np

from ...data import tables
from ...errors import DataError
from .part import Part

FEWEST = 5


def identified(
    train: Part, holdout: Part, file: str | os.PathLike[str] | None
) -> tuple[Part, Part]:
    """Both parts with the people on their images, by a file or by their classes.

    Args:
        file: CSV with the header `path,identity`; a path is one within the data folder, for arrays
            `train/ROW` or `holdout/ROW`.

    Raises: DataError: someone is missing, or is in both parts.
    """
    if file is None:
        return _by_class(train), _by_class(holdout)
    table = tables.read(file, "identity")
    both = [
        replace(part, people=_look_up(part, name, table, file))
        for part, name in ((train, "train"), (holdout, "holdout"))
    ]
    refuse_shared(both[0].people, both[1].people)
    return both[0], both[1]


def refuse_shared(train: Any, holdout: Any) -> None:
    """Raises DataError where a person has images in both parts."""
    shared = sorted(set(train) & set(holdout))
    if shared:
        who = f"{len(shared)} people (such as {shared[0]}) have"
        if len(shared) == 1:
            who = f"1 person ({shared[0]}) has"
        raise DataError(f"{who} images in both parts: move them to one part")


def _look_up(part: Part, name: str, table: dict[str, str], file: Any) -> np.ndarray:
    places = part.source.places
    paths = [places[row] if places else str(row) for row in part.rows]
    found = [table.get(f"{name}/{path}") or (table.get(path) if places else None) for path in paths]
    missing = [path for path, who in zip(paths, found, strict=True) if not who]
    if missing:
        first = missing[0] if places else f"{name}/{missing[0]}"
        raise DataError(
            f"{file} must name a person for each image, but lacks {len(missing)} of the "
            f"{len(paths)} {name} images, such as {first}: add them"
        )
    return np.array(found)


def _by_class(part: Part) -> Part:
    names = np.array(part.source.names)
    if not len(names):
        return part
    return replace(part, people=names[part.source.labels[part.rows]])
