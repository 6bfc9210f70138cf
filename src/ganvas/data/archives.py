"""Archives of images (zip, tar), unpacked to a temporary folder that this process removes."""

from __future__ import annotations

import atexit
import bz2
import errno
import functools
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from ganvas.data import labels
from ganvas.data.walk import NO_IMAGE, LeftOut, is_hidden
from ganvas.errors import DataError
from ganvas.images.formats import advice, head, known, suffix_of
from ganvas.storage import outputs

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MOST_FILES = 5_000_000
MOST_FILE_BYTES = 2**30
MOST_BYTES, MOST_RATIO = 2**30, 100
"""An archive may grow to `MOST_BYTES` + `MOST_RATIO` times its own size: images hardly shrink."""
_KEPT = frozenset((*labels.FILES, *outputs.NAMES))
"""Files beside images that say what the images are."""
_SPARE = 2**28  # bytes of the disk that stay free
_CHUNK = 2**20
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError,
    RuntimeError, NotImplementedError, ValueError,
)  # fmt: skip
_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL)


class Unpacked(NamedTuple):
    """The folder of the images, and what is not in it."""

    folder: Path
    left_out: LeftOut


class _Member(NamedTuple):
    """A file of an archive.

    Attributes:
        refused: why it is not unpacked.
        shared: it is not stored by itself, so damage in it is damage of the archive.
    """

    name: str
    refused: str
    open: Callable[[], IO[bytes] | None]
    shared: bool


def is_archive(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def located(path: Path) -> tuple[Path, str] | None:
    """The archive that a path names or leads into, such as photos.zip/train, and the folder in it;
    None if there is none."""
    for file in (path, *path.parents):
        if is_archive(file):
            within = path.relative_to(file)
            return None if ".." in within.parts else (file, within.as_posix())
    return None


def unpacked(file: Path) -> Unpacked:
    """The images of an archive as a folder; of one archive, once in a process.

    Links, encrypted files and names that lead out of the archive are left out. If all files are
    in one folder, it is this folder.

    Raises: DataError: no complete archive, or one that grows too much.
    """
    about = file.stat()
    return _unpacked(file.absolute(), about.st_size, about.st_mtime_ns)


@functools.cache
def _unpacked(file: Path, size: int, _: int) -> Unpacked:
    above = Path(tempfile.mkdtemp(prefix="ganvas-"))
    atexit.register(_remove, above, os.getpid())
    folder = above / file.name  # messages then name the archive
    folder.mkdir()
    room = min(MOST_BYTES + MOST_RATIO * size, shutil.disk_usage(above).free - _SPARE)
    try:
        left_out = _unpack(file, folder, room)
    except DataError:
        shutil.rmtree(above, ignore_errors=True)
        raise
    except _BROKEN as error:
        shutil.rmtree(above, ignore_errors=True)
        raise DataError(
            f"{file} is damaged or incomplete ({error}): copy or download it again"
        ) from error
    except BaseException:
        shutil.rmtree(above, ignore_errors=True)
        raise
    return Unpacked(_inner(folder), left_out)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(file: Path, folder: Path, room: int) -> LeftOut:
    left_out: LeftOut = Counter()
    members = _zip(file) if file.name.lower().endswith(".zip") else _tar(file)
    for count, member in enumerate(members):
        if count >= MOST_FILES:
            raise DataError(f"{file} has more than {MOST_FILES} files: unpack it yourself")
        parts = PurePosixPath(member.name).parts
        told = bool(parts) and parts[-1] in _KEPT
        if any(is_hidden(part) and part != ".." for part in parts[: -1 if told else None]):
            continue  # as in a folder
        suffix = suffix_of(member.name)
        why = member.refused or _unsafe(member.name, parts)
        if not why and suffix and suffix not in known().suffixes and not told:
            why = advice(member.name) or NO_IMAGE
        if not why:
            why, written = _write(member, folder.joinpath(*parts), min(room, MOST_FILE_BYTES))
            room -= written
            if room <= 0:
                raise DataError(
                    f"{file} would take more space than the disk has, or more than {MOST_RATIO} "
                    "times its own size: unpack it yourself, and give the folder"
                )
        if why:
            left_out[suffix or "without suffix", why] += 1
    return left_out


def _unsafe(name: str, parts: tuple[str, ...]) -> str:
    outside = ".." in parts or name.startswith("/") or name[1:2] == ":" or "\0" in name
    return "name leads out of the archive" if outside or not parts else ""


def _write(member: _Member, path: Path, most: int) -> tuple[str, int]:
    """Why the file could not be written (else empty), and its bytes; at most `most` and one chunk
    are written, whatever size the archive states."""
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            source = member.open()
            while source and written <= most and (chunk := source.read(_CHUNK)):
                written += target.write(chunk)
        if written <= most:
            return "", written
        why = f"more than {most} bytes"
    except _BROKEN as error:
        number = error.errno if isinstance(error, OSError) else None
        if member.shared or number not in (None, *_NAMES):
            raise
        why = "damaged in the archive, or of a name that is not accepted"
    if path.is_file():
        path.unlink()
    return why, written


def _zip(file: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as archive:
        for about in archive.infolist():
            name = about.filename.replace("\\", "/")  # as some programs for Windows write it
            mode = about.external_attr >> 16
            refused = "encrypted" if about.flag_bits & 1 else ""
            if mode and (mode & 0o170000) not in (0, 0o100000, 0o040000):
                refused = "link, or no regular file"
            if not name.endswith("/"):
                yield _Member(name, refused, functools.partial(archive.open, about), False)


class _Bounded:
    """A stream that refuses to read much at once, as a header of a tar file can demand."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _CHUNK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)


def _stream(file: Path) -> IO[bytes]:
    start = head(file)
    for magic, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
        if start.startswith(magic):
            return cast(IO[bytes], opener(file))
    return file.open("rb")


def _tar(file: Path) -> Iterator[_Member]:
    with (
        _stream(file) as stream,
        tarfile.open(fileobj=cast(IO[bytes], _Bounded(stream)), mode="r:") as archive,
    ):
        for about in archive:
            archive.members = []  # type: ignore[attr-defined] # else all are kept in memory
            refused = "" if about.isreg() else "link, or no regular file"
            if not about.isdir():
                yield _Member(
                    about.name, refused, functools.partial(archive.extractfile, about), True
                )


def _inner(folder: Path) -> Path:
    """The only folder in a folder, if there is nothing beside it; and so on."""
    while len(names := os.listdir(folder)) == 1 and (folder / names[0]).is_dir():  # noqa: PTH208
        folder = folder / names[0]
    return folder
