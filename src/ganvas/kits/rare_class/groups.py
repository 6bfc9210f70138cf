"""Groups of images that belong together (a patient, a lot): read, checked, kept on one side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import DataError


def units(places: Sequence[str], table: dict[str, str], alike: np.ndarray) -> np.ndarray:
    """A number per image, int64 [N]: the same for images of one group, and for equal images.

    Args:
        places: as `Part.places`.
        table: place -> group.
        alike: int [N], equal for equal images.

    Raises: DataError: images that the table lacks.
    """
    found = [table.get(place) for place in places]
    missing = [place for place, group in zip(places, found, strict=True) if group is None]
    if missing:
        raise DataError(
            f"the groups file must name a group for each image, but lacks {len(missing)} of "
            f"{len(places)}, such as {missing[0]}: add them (paths within the data folder, or row "
            "numbers of an array)"
        )
    _, number = np.unique(np.array(found), return_inverse=True)
    return _joined(number, alike)


def refuse_shared(
    table: dict[str, str], places: Sequence[str], other: dict[str, str], others: Sequence[str]
) -> None:
    """Raises DataError if a group has images on both sides."""
    shared = sorted({table[p] for p in places} & {other[p] for p in others})
    if shared:
        what = f"{len(shared)} groups (such as {shared[0]}) have"
        if len(shared) == 1:
            what = f"1 group ({shared[0]}) has"
        raise DataError(
            f"{what} images in both the data and the test part: move them to one of them"
        )


def _joined(number: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Groups that share an equal image become one (a union of both relations)."""
    parent = {int(n): int(n) for n in number}

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    first: dict[int, int] = {}
    for n, same in zip(number.tolist(), alike.tolist(), strict=True):
        parent[root(n)] = root(first.setdefault(same, n))
    return np.array([root(int(n)) for n in number], np.int64)
