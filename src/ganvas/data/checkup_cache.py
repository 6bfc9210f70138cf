"""Results of the checkup, kept between processes: a file that has not changed is not decoded again.

A result belongs to a path, its size and its times. What is kept are numbers: sides, flags, hashes.
No pixels are kept, and no failures, because a package that is installed later may read the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import PIL

import ganvas
from ganvas.base.arrays import open_npz
from ganvas.base.cache import cache_folder
from ganvas.data.checkup import Checked, without
from ganvas.images import Extent, Header

T = TypeVar("T")

FORMAT = 1
"""To be raised with each change of what is kept, or of how files are decoded."""
MOST = 256
"""Number of tables that are kept, those used last."""
SETTLED = 2.0
"""Seconds without a change after which a file's times are trusted: within the resolution of a file
system's clock, a second change would leave them as they are."""
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class Files:
    """The files of a folder, and what tells whether they have changed.

    Args:
        folder: None: nothing is kept, as for the temporary folder of an archive.

    Attributes:
        stamps: size and times of each file before it is read, int64 [N, 3]; zeros for one that has
            just changed.
    """

    def __init__(
        self, folder: Path | None, paths: Sequence[str], stamps: np.ndarray | None = None
    ) -> None:
        self.folder, self.paths = folder, paths
        none = np.zeros((len(paths), 3), np.int64)
        self.stamps = _stamps(paths) if folder and stamps is None else none
        if stamps is not None:
            self.stamps = stamps

    def without(self, places: Mapping[int, Any]) -> Files:
        """All but those at some indices."""
        stamps = np.delete(self.stamps, list(places), axis=0)
        return Files(self.folder, without(self.paths, places), stamps)

    def place(self, kind: str, form: object) -> Path | None:
        """Of the table of one kind of results; `form` is all that they depend on."""
        above = cache_folder()
        if self.folder is None or above is None:
            return None
        versions = FORMAT, ganvas.__version__, PIL.__version__
        key = (versions, kind, form, os.fsencode(self.folder.absolute()))
        return above / "checkup" / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.npz"


def _stamps(paths: Sequence[str]) -> np.ndarray:
    found = np.zeros((len(paths), 3), np.int64)
    now = time.time_ns()
    for at, path in enumerate(paths):
        with contextlib.suppress(OSError):
            about = os.stat(path)  # noqa: PTH116 - of 100,000 files, a Path each costs a second
            found[at] = about.st_size, about.st_mtime_ns, about.st_ctime_ns
    found[found[:, 1:].max(axis=1, initial=0) > now - round(SETTLED * 1e9)] = 0
    return found


class Table(Generic[T]):
    """One result of each file, kept as numbers.

    Args:
        compute: path -> the result, or why there is none.
        pack, unpack: a result as `width` numbers of 64 bits, and back.

    Attributes:
        known: whether the result of each file was kept by an earlier process, bool [N].
    """

    def __init__(
        self,
        files: Files,
        place: Path | None,
        compute: Callable[[str], T | str],
        pack: Callable[[T], tuple[int, ...]],
        unpack: Callable[[list[int]], T],
        width: int,
    ) -> None:
        self.files, self.place, self.width = files, place, width
        self._compute, self._pack, self._unpack = compute, pack, unpack
        self._rows = np.zeros((len(files.paths), width), np.uint64)
        self.known = np.zeros(len(files.paths), bool)
        if place is not None:
            with contextlib.suppress(*DAMAGED):
                self._load(place)
        self._has = self.known.copy()

    def __call__(self, at: int) -> T | str:
        """The result of a file, by its index; called from several threads."""
        if self.known[at]:
            return self._unpack(self._rows[at].tolist())
        found = self._compute(self.files.paths[at])
        if not isinstance(found, str):
            self._rows[at], self._has[at] = self._pack(found), True
        return found

    def save(self) -> None:
        """Keep the results for the next process. A failure is no error: they are computed again."""
        fresh = self._has & self.files.stamps.any(axis=1) if self.place else self.known
        if self.place is None or (fresh == self.known).all():
            return
        with contextlib.suppress(OSError):
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Each process has a file of its own, and the last one is kept: none is half written.
            paths = [self.files.paths[at] for at in np.flatnonzero(fresh).tolist()]
            handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=self.place.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    np.savez(
                        file,
                        names=_names(paths),
                        stamps=self.files.stamps[fresh],
                        rows=self._rows[fresh],
                    )
                Path(part).replace(self.place)
            finally:
                Path(part).unlink(missing_ok=True)
            _drop_old(self.place.parent)

    def _load(self, place: Path) -> None:
        with open_npz(place) as arrays:
            names, stamps, rows = (arrays[name] for name in ("names", "stamps", "rows"))
        paths = names.tobytes().split(b"\0")
        shapes = (len(paths), 3), (len(paths), self.width)
        if (stamps.shape, rows.shape) != shapes or rows.dtype != np.uint64:
            raise ValueError("it has other arrays")
        where = {path: at for at, path in enumerate(paths)}
        at = np.array([where.get(os.fsencode(path), -1) for path in self.files.paths], np.int64)
        now = self.files.stamps
        self.known = (at >= 0) & (stamps[at] == now).all(axis=1) & now.any(axis=1)
        self._rows[self.known] = rows[at[self.known]]
        os.utime(place)  # it was used


def _names(paths: Sequence[str]) -> np.ndarray:
    return np.frombuffer(b"\0".join(map(os.fsencode, paths)), np.uint8)


def _drop_old(folder: Path) -> None:
    """Keep the tables that were used last."""
    times = {path: path.stat().st_mtime for path in folder.iterdir()}
    for path in sorted(times, key=times.__getitem__)[:-MOST]:
        path.unlink(missing_ok=True)


def headers(
    files: Files, measure: bool, look: Callable[[str], tuple[Header, Extent | None] | str]
) -> Table[tuple[Header, Extent | None]]:
    """The headers of files, as of `checkup.look`."""
    return Table(files, files.place("headers", measure), look, _pack_header, _unpack_header, 4)


def _pack_header(found: tuple[Header, Extent | None]) -> tuple[int, ...]:
    header, extent = found
    flags = [*header[2:], extent is not None, bool(extent and extent.floats)]
    ends = struct.pack("<2d", *(extent[:2] if extent else (0, 0)))
    bits = sum(bool(flag) << place for place, flag in enumerate(flags))
    return header.height << 32 | header.width, bits, *struct.unpack("<2Q", ends)


def _unpack_header(row: list[int]) -> tuple[Header, Extent | None]:
    *flags, measured, floats = (bool(row[1] >> place & 1) for place in range(7))
    low, high = struct.unpack("<2d", struct.pack("<2Q", *row[2:]))
    header = Header(row[0] >> 32, row[0] & 0xFFFFFFFF, *flags)
    return header, Extent(low, high, floats) if measured else None


def contents(files: Files, form: object, check: Callable[[str], Checked | str]) -> Table[Checked]:
    """The properties of decoded files, as of `checkup.check`; kept ones have no pixels."""
    return Table(files, files.place("contents", form), check, _pack_checked, _unpack_checked, 3)


def _pack_checked(one: Checked) -> tuple[int, ...]:
    return one.hash, one.same, one.constant | one.grey << 1


def _unpack_checked(row: list[int]) -> Checked:
    return Checked(row[0], row[1], bool(row[2] & 1), bool(row[2] & 2), None)
