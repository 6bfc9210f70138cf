"""Groups of good images: lamps, modules, batches. A group is never split between two uses."""

from __future__ import annotations

import contextlib
import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...base.csv_files import csv_file
from ...errors import DataError, UsageError
from .early import FEWEST
from .good_images import Good, Split, needed, read_good

FOLDER = "folder"
"""`--groups folder`: sub-folders, or labels, are groups."""
SCALE = 8
"""Least number of images that scale and choose parts."""
SHARES = {"learn": 5 / 8, "calibrate": 1 / 4, "scale": 1 / 8}


class Groups:
    """Names of groups, and the group of each image.

    Attributes:
        names: sorted.
        of: int64 [N].
    """

    def __init__(self, names: Sequence[str]):
        self.names, self.of = np.unique(np.asarray(names, dtype=str), return_inverse=True)

    def sizes(self, rows: np.ndarray) -> dict[str, int]:
        """Number of these images in each of their groups."""
        found = np.bincount(self.of[rows], minlength=len(self.names))
        return {str(self.names[i]): int(found[i]) for i in np.flatnonzero(found)}

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """The groups of these images, numbered in the order of `sizes`."""
        found: np.ndarray = np.unique(self.of[rows], return_inverse=True)[1]
        return found


def read_groups(
    data: Any, size: tuple[int, int] | None, by: str | Sequence[str], **options: Any
) -> Good:
    """Good images whose classes are their groups.

    Args:
        data, size, options: see `good_images.read_good`.
        by: "folder", FILE.csv or FILE.csv:COLUMN; or the name of each image's group.

    Raises: DataError: no groups.
    """
    if not isinstance(by, str):
        found = read_good(data, size, all_good=True, **options)
        if len(by) != len(found.pixels):
            raise DataError(
                f"groups must have a name for each of the {len(found.pixels)} images, got "
                f"{len(by)}: give one for each image"
            )
        return found._replace(classes=list(map(str, by)))
    check_option(by)
    with as_labels(by) as labels:
        found = read_good(data, size, all_good=True, labels=labels, **options)
    if not found.classes:
        raise DataError(
            f"--groups {by} needs images in sub-folders that are groups, but there are none: name "
            "a CSV file, or leave --groups away"
        )
    return found


def deal(groups: Groups, alpha: float, seed: int) -> Split:
    """Groups for learning, scaling and calibration: about 5/8, 1/8 and 1/4 of the images.

    In random order, each group goes where the largest share is missing. Groups with too few images
    for alpha calibrate nothing.

    Raises: DataError: there are too few groups, or images in them.
    """
    least, counts = needed(alpha), np.bincount(groups.of)
    wanted = {use: share * len(groups.of) for use, share in SHARES.items()}
    had = dict.fromkeys(SHARES, 0)
    uses: dict[int, str] = {}
    for group in np.random.Generator(np.random.Philox(seed)).permutation(len(counts)):
        open_to = [use for use in SHARES if use != "calibrate" or counts[group] >= least]
        use = max(open_to, key=lambda one: 1 - had[one] / wanted[one])
        uses[int(group)], had[use] = use, had[use] + int(counts[group])
    if had["learn"] < FEWEST or had["scale"] < SCALE or had["calibrate"] < least:
        raise DataError(
            f"alpha = {alpha:g} needs at least 3 groups, of which one has {least} images to "
            f"calibrate, others {FEWEST} to learn from and {SCALE} to scale parts, got "
            f"{len(counts)} group(s) of {counts.min()} to {counts.max()} images: join groups, give "
            "more images, or leave --groups away"
        )
    rows = {use: np.array([uses[int(one)] == use for one in groups.of]) for use in SHARES}
    return Split(*(np.flatnonzero(rows[use]) for use in Split._fields))


def check_groups(groups: Groups, alpha: float) -> None:
    """Raises: DataError: a group cannot calibrate for this alpha."""
    least = needed(alpha)
    for name, count in groups.sizes(np.arange(len(groups.of))).items():
        if count < least:
            raise DataError(
                f"alpha = {alpha:g} needs at least {least} calibration images of each group, but "
                f"{name} has {count}: give more, join groups, or leave --groups away"
            )


def check_option(by: str | None) -> None:
    """Raises: UsageError: neither `folder` nor a CSV file."""
    if by is None or by == FOLDER:
        return
    file, _ = _file_and_column(by)
    if file.suffix.lower() != ".csv" or not file.is_file():
        raise UsageError(
            f"--groups must be {FOLDER}, FILE.csv or FILE.csv:COLUMN of a file that exists, "
            f"got {by}"
        )


@contextlib.contextmanager
def as_labels(by: str) -> Iterator[bool | str]:
    """The option `labels` of `ganvas.data.load` that reads groups as labels."""
    if by == FOLDER:
        yield True
        return
    file, column = _file_and_column(by)
    if not column:
        yield str(file)
        return
    rows = _column(file, column)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "groups.csv"
        table.write_bytes(csv_file(("path", "label"), rows))
        yield str(table)


def _column(file: Path, column: str) -> list[tuple[str, str]]:
    """Path, the first column, and group of each row."""
    try:
        table = csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline=""))
        names, rows = list(table.fieldnames or ()), list(table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is not a CSV file in UTF-8 ({error}): save it again") from error
    if column not in names[1:]:
        raise DataError(
            f"{file} must have paths of images in its first column and a column {column}, got "
            f"{', '.join(names)}: name another column"
        )
    return [(row[names[0]] or "", row[column] or "") for row in rows]


def _file_and_column(by: str) -> tuple[Path, str]:
    if Path(by).is_file():
        return Path(by), ""
    file, _, column = by.rpartition(":")
    return (Path(file), column) if file else (Path(by), "")
