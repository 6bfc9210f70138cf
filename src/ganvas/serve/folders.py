"""Folders of versions: which there are, whether they changed, where their links lead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..storage import manifest
from .engines.loading import is_served
from .status import Declined


def version_folders(folder: Path, engine: str) -> dict[int, Path]:
    """Sub-folders with a number as name that hold what the engine serves, see `is_served`.

    Raises: OSError: the folder cannot be read, for example while a disk is not mounted.
    """
    found = manifest.numbered(folder)
    return {number: path for number, path in found.items() if is_served(engine, path)}


def stamp_of(folder: Path) -> tuple[Any, ...]:
    """Sizes and times of all files: a broken folder is tried again when it changes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    facts = [(str(path), path.stat()) for path in sorted(files)]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in facts)


def inside(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a path lies in one of the folders, links resolved."""
    place = path.resolve()
    return any(place.is_relative_to(root.resolve()) for root in roots)


def check_links(folder: Path, roots: Sequence[Path]) -> None:
    """Raises: Declined: PERMISSION_DENIED: a link leads out of the roots, if there are any."""
    for path in (folder, *folder.rglob("*")):
        if roots and not inside(path, roots):
            raise Declined(
                "PERMISSION_DENIED", f"{path} leads to a file elsewhere: remove the link"
            )


def changed_at(path: Path | None) -> int:
    """When a file was changed, in nanoseconds; 0: there is none."""
    try:
        return path.stat().st_mtime_ns if path else 0
    except OSError:
        return 0
