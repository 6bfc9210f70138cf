"""Publish a version by rename: it is complete or absent."""

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
"""Servers only read folders whose names are numbers."""


@contextlib.contextmanager
def publishing(folder: Path, version: int | None) -> Iterator[tuple[Path, Path]]:
    """Lock DIR and make a version in it: yields the folder to write, and its final path.

    Args:
        version: its number; None: the highest number plus one.

    Raises: UsageError: the number exists. RunError: another process exports into the folder.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, leftovers=()):  # DIR may hold whatever the user keeps there
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


def check_free(folder: str | os.PathLike[str], version: int | None) -> int:
    """The number of a new version. Raises: UsageError: it exists, or is below 1."""
    taken = manifest.versions(folder)
    number = max(taken, default=0) + 1 if version is None else version
    if number < 1 or number in taken:
        what = "exists already" if number in taken else "is not possible"
        raise UsageError(
            f"version {number} {what} in {folder}: versions are >= 1 and never overwritten; omit "
            "--version for the next free number"
        )
    return number


def _flush(folder: Path) -> None:
    """Write to disk before the folder gets its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
