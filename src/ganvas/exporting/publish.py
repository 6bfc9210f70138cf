"""A version appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..base.files import disk_errors, locked
from ..errors import UsageError
from ..storage import manifest

PART = ".part-"
"""Servers look at folders with numbers for names only."""


@contextlib.contextmanager
def publishing(folder: Path, version: int | None) -> Iterator[tuple[Path, Path]]:
    """Hold DIR and make a version in it: yields where to write, and what it will be named.

    Args:
        version: its number; None: one above the highest there is.

    Raises: UsageError: the number is taken. RunError: another process exports into the folder.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for left in folder.glob(f"{PART}*"):  # by a process that was killed
            shutil.rmtree(left)
        number = check_free(folder, version)
        part, final = folder / f"{PART}{number}", folder / str(number)
        try:
            part.mkdir()
            yield part, final
            with disk_errors(final):
                _flush(part)
                part.rename(final)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def check_free(folder: str | os.PathLike, version: int | None) -> int:
    """The number of a new version. Raises: UsageError: it is taken, or none."""
    taken = manifest.versions(folder)
    number = max(taken, default=0) + 1 if version is None else version
    if number < 1 or number in taken:
        what = "is taken" if number in taken else "is no version"
        raise UsageError(
            f"version {number} {what} in {folder}: a version is 1 or above and never overwritten; "
            "leave --version out for the next free one"
        )
    return number


def _flush(folder: Path) -> None:
    """To the disk, before the name is there."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
