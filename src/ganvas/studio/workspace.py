"""The workspace, one folder: where uploads, runs and models lie, and which names a request may
give."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..base.files import CLUTTER, disk_errors, inside
from ..base.names import file_name
from ..data.archives import is_archive
from ..data.walk import is_hidden
from ..errors import UsageError
from ..images import is_image
from ..serve.status import Declined
from ..storage import manifest

OWN = ("uploads", "runs", "models", "scores")
"""Folders that the studio fills."""
BUNDLED = ("mnist",)
"""Images that come with the package."""
MOST_SEEN = 400
"""Entries of a folder that are looked at, to know whether it holds images."""
MOST_LISTED = 200


class Workspace:
    """The folder of a studio. Sub-folders are made when they are first needed.

    Raises: UsageError: no folder can be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        if not self.folder.is_dir() and (self.folder.exists() or not self.folder.parent.is_dir()):
            raise UsageError(f"{folder} is not a folder: give one, or a new name in a folder")
        self._lock = threading.Lock()

    def of(self, kind: str) -> Path:
        """One of the folders `OWN`, or "hidden": logs of jobs and uploads that are not complete."""
        return self.folder / (".studio" if kind == "hidden" else kind)

    def made(self, kind: str) -> Path:
        """The same, which is there afterwards."""
        folder = self.of(kind)
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def existing(self, kind: str, name: Any) -> Path:
        """A folder or file directly in one of `OWN`. Raises: Declined: there is none."""
        path = self.of(kind) / one_name(name)
        if not path.exists():
            raise Declined("NOT_FOUND", f"there is no {kind}/{name}: it was moved or deleted")
        return path

    def free(self, kind: str, name: str) -> str:
        """A name like this one that is free in one of `OWN`: NAME, NAME-2 ..."""
        plain = file_name(name)
        taken = self.made(kind)
        names = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
        return next(one for one in names if not (taken / one).exists())

    def claimed(self, name: str) -> Path:
        """A new folder in uploads/ of a name like this one; of two requests each gets its own."""
        with self._lock:
            folder = self.of("uploads") / self.free("uploads", name)
            with disk_errors(folder):
                folder.mkdir()
        return folder

    def images(self, name: Any) -> str:
        """The name of images for a command that runs in the workspace: a path within it, or one of
        `BUNDLED`. Raises: Declined: another name, or nothing there."""
        if name in BUNDLED:
            return str(name)
        try:
            path = inside(self.folder, name)
        except ValueError as error:
            message = (
                f"the images must be in the workspace, got {name!r}: upload them, or copy them"
            )
            raise Declined("INVALID_ARGUMENT", message) from error
        parts = path.relative_to(self.folder).parts
        if any(part.startswith(("-", ".")) for part in parts) or not path.exists():
            raise Declined("NOT_FOUND", f"there are no images at {name!r} in the workspace")
        return "/".join(parts)

    def listed(self) -> list[str]:
        """Names of images: uploads, then other folders, archives and files of the workspace."""
        found = [f"uploads/{one.name}" for one in _entries(self.of("uploads")) if _usable(one)]
        for one in _entries(self.folder):
            if one.name not in OWN and _usable(one) and not _made_by_ganvas(one):
                found.append(one.name)
        return found[:MOST_LISTED]


def one_name(name: Any) -> str:
    """A name that is one part of a path and not hidden. Raises: Declined: another name."""
    text = name if isinstance(name, str) else ""
    if not text or text[0] in ".-" or set(text) & {"/", "\\", "\0", ":"} or len(text) > 200:
        raise Declined(
            "INVALID_ARGUMENT", f"{name!r} is no name of a folder: choose one of the list"
        )
    return text


def _entries(folder: Path) -> list[Path]:
    """What is directly in a folder, by name, without hidden entries."""
    if not folder.is_dir():
        return []
    entries = (one for one in folder.iterdir() if one.name.lower() not in CLUTTER)
    return sorted(one for one in entries if not is_hidden(one.name) and one.name[0] != "-")


def _usable(path: Path) -> bool:
    """Whether a person may mean it as images; their check comes later."""
    if path.is_dir():
        return any(is_image(one) for one in itertools.islice(_below(path), MOST_SEEN))
    return is_archive(path) or path.suffix.lower() in (".npz", ".npy")


def _below(folder: Path, depth: int = 2) -> Iterator[Path]:
    """Files of a folder and of its sub-folders, a few of each."""
    for one in itertools.islice(folder.iterdir(), MOST_SEEN):
        if one.is_dir():
            yield from _below(one, depth - 1) if depth and not is_hidden(one.name) else ()
        elif one.suffix:
            yield one


def _made_by_ganvas(path: Path) -> bool:
    return path.is_dir() and ((path / "config.toml").is_file() or manifest.is_model(path))
