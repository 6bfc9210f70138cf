"""The image files below a folder: each real file once, and what is left out, by its kind. Needs no
TensorFlow."""

from __future__ import annotations

import os
import stat
from array import array
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganvas.errors import DataError
from ganvas.images.formats import advice, is_image, known, suffix_of
from ganvas.storage.outputs import is_output, is_run

LeftOut = Counter[tuple[str, str]]
"""Number of files by what they are (a suffix, "pipe", "link" ...) and why they are left out; of
images that could be read, but are not used, the former is `IMAGE`."""
IMAGE = "image"
NO_IMAGE = "not an image"
_SYSTEM = {"@eadir", "__macosx", "lost+found", "$recycle.bin", "system volume information"}
"""Folders of systems and network drives, in small letters; those with a dot are hidden anyway."""
_KINDS = {
    stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip


class Found(NamedTuple):
    """The files below a folder.

    Attributes:
        paths: image files, by name.
        left_out: files that are not in `paths`.
        written: folders that ganvas has written, within the folder.
    """

    paths: list[str]
    left_out: LeftOut
    written: list[str]


def find(folder: Path) -> Found:
    """The image files below a folder, and what is left out.

    A file that several links lead to counts once, and a folder is read once, so no loop of links
    is followed. Pipes, sockets and devices are never opened. Hidden files and folders are passed
    over, and so are those of systems. Images in folders that ganvas has written are left out.

    Raises: DataError: the folder itself cannot be read, or is a run.
    """
    if is_run(folder):
        raise DataError(
            f"{folder} is a run, not images: ganvas resume {folder} continues it, and "
            f"--from {folder} starts a new run from its weights"
        )
    walk = _Walk(str(folder))
    walk.below(str(folder))
    if str(folder) in walk.closed:
        raise DataError(
            f"{folder} cannot be read ({walk.closed[str(folder)]}): give this user the right to"
        )
    walk.follow()
    paths = walk.once()
    for place, path in enumerate(paths):  # with \0 as separator a folder's files are neighbours
        paths[place] = path.replace(os.sep, "\0")
    paths.sort()
    for place, path in enumerate(paths):  # one by one: there may be a million
        paths[place] = path.replace("\0", os.sep)
    return Found(paths, walk.left_out, walk.written)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, or is one that systems make for themselves."""
    return name.startswith(".") or name.lower() in _SYSTEM


class _Walk:
    """Files and folders that were met.

    Attributes:
        closed: folder -> why it cannot be read.
    """

    def __init__(self, top: str) -> None:
        self.top = top
        self.left_out: LeftOut = Counter()
        self.written: list[str] = []
        self.closed: dict[str, str] = {}
        self._paths: list[str] = []
        self._keys, self._linked = array("Q"), bytearray()
        self._links: list[str] = []
        self._folders: set[int] = set()

    def below(self, top: str, linked: bool = False) -> None:
        """Read a folder and those below it; links are kept for later."""
        waiting = [top]
        while waiting:
            path = waiting.pop()
            try:
                key = _key(os.stat(path))  # noqa: PTH116 - a million files
                if key in self._folders:
                    self.left_out["link", "to a folder that is read already"] += 1
                    continue
                self._folders.add(key)
                if path != self.top and is_output(path):
                    self._pass_over(path)
                    continue
                with os.scandir(path) as entries:
                    waiting += [
                        entry.path
                        for entry in entries
                        if not is_hidden(entry.name) and self._is_folder(entry, linked)
                    ]
            except OSError as error:
                self.closed[path] = error.strerror or str(error)
                self.left_out["folder", f"cannot be read ({self.closed[path]})"] += 1

    def follow(self) -> None:
        """Read what links lead to, after everything that is there without them."""
        while self._links:
            links, self._links = sorted(self._links), []
            for path in links:
                try:
                    about = os.stat(path)  # noqa: PTH116
                except OSError:  # broken; the check says so
                    self._file(path, None, True)
                    continue
                if stat.S_ISDIR(about.st_mode):
                    self.below(path, linked=True)
                else:
                    self._file(path, about, True)

    def once(self) -> list[str]:
        """The paths without those of a file that has another path: one without links, or the
        first by name, is taken."""
        keys = np.frombuffer(self._keys, np.uint64)
        ascending = np.sort(keys)
        twice = ascending[1:][ascending[1:] == ascending[:-1]]
        if not len(twice):
            return self._paths
        rows = np.flatnonzero(np.isin(keys, twice)).tolist()
        taken, gone = set(), set()
        for row in sorted(rows, key=lambda row: (self._linked[row], self._paths[row])):
            if self._keys[row] in taken:
                gone.add(row)
            taken.add(self._keys[row])
        self.left_out["link", "to a file that is read already"] += len(gone)
        return [path for row, path in enumerate(self._paths) if row not in gone]

    def _pass_over(self, written: str) -> None:
        """Count the images in a folder that ganvas has written."""
        name = Path(written).relative_to(self.top).as_posix()
        self.written.append(name)
        suffixes = known().suffixes
        images = sum(
            suffix_of(one) in suffixes for _, _, inside in os.walk(written) for one in inside
        )
        if images:
            self.left_out[IMAGE, f"in {name}, written by ganvas"] += images

    def _is_folder(self, entry: os.DirEntry[str], linked: bool) -> bool:
        if entry.is_symlink():
            self._links.append(entry.path)
            return False
        if entry.is_dir(follow_symlinks=False):
            return True
        try:
            self._file(entry.path, os.stat(entry.path), linked)  # noqa: PTH116
        except OSError as error:  # it was removed meanwhile
            self._leave(suffix_of(entry.name), f"cannot be read ({error.strerror})")
        return False

    def _file(self, path: str, about: os.stat_result | None, linked: bool) -> None:
        suffix = suffix_of(os.path.basename(path))  # noqa: PTH119
        if about and not stat.S_ISREG(about.st_mode):
            kind = _KINDS.get(stat.S_IFMT(about.st_mode), "special file")
            self._leave(kind, "no regular file")
            return
        try:
            if not (is_image(path) if about else suffix in known().suffixes):
                self._leave(suffix, (about and advice(path)) or NO_IMAGE)
                return
        except OSError as error:
            self._leave(suffix, f"cannot be read ({error.strerror})")
            return
        self._paths.append(path)
        self._keys.append(_key(about) if about else len(self._paths))
        self._linked.append(linked)

    def _leave(self, what: str, why: str) -> None:
        self.left_out[what or "without suffix", why] += 1


def _key(about: os.stat_result) -> int:
    """64 bits that identify a file or folder."""
    return hash((about.st_dev, about.st_ino)) & (2**64 - 1)
