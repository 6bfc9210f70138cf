"""NumPy's files of others: nothing is unpickled, and a small file cannot unpack to a huge array."""

from __future__ import annotations

import contextlib
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile

FLOOR = 2**28
MOST = 100
"""Unpacked, a file may be FLOOR bytes (256 MiB) large, or MOST times its size on the disk."""


def check_expansion(name: str, unpacked: int, stored: int) -> None:
    """The rule for everything that is unpacked. Real arrays shrink 2 to 10 times.

    Raises: ValueError: it is broken.
    """
    if unpacked > FLOOR and unpacked > MOST * stored:
        raise ValueError(
            f"{name} unpacks from {stored:,} bytes to {unpacked:,}, and more than {MOST} times is "
            "accepted only below 256 MiB"
        )


def check_archive(archive: zipfile.ZipFile) -> None:
    """The rule for each member of a zip file, and for all together.

    Raises: ValueError: it is broken, or two members have one name.
    """
    members = archive.infolist()
    if len({member.filename for member in members}) < len(members):
        raise ValueError("two of its members have the same name")
    for member in members:
        check_expansion(member.filename, member.file_size, member.compress_size)
    stored = sum(member.compress_size for member in members)
    if archive.fp is not None:  # members may overlap
        stored = min(stored, archive.fp.seek(0, os.SEEK_END))
    check_expansion("all of it", sum(member.file_size for member in members), stored)


@contextlib.contextmanager
def open_npz(file: Path | IO[bytes]) -> Iterator[NpzFile]:
    """The arrays of a .npz file, after a check of all declared sizes. NumPy refuses an array of
    Python objects when it is read, with a ValueError.

    Raises:
        OSError: it cannot be read.
        ValueError, zipfile.BadZipFile: it is no .npz file, or is damaged, or unpacks to far more
            than it stores.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            check_archive(archive)
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):  # NumPy would give bytes, or not check it
                    raise ValueError(f"it holds {member.filename!r}, which is no array")
                with archive.open(member) as one:
                    _check_header(one, member.filename, member.file_size)
        if not isinstance(file, Path):
            file.seek(0)
        with contextlib.ExitStack() as stack:
            opened = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
            yield stack.enter_context(np.load(opened, allow_pickle=False))
    except (zlib.error, NotImplementedError, RuntimeError, struct.error) as error:
        raise ValueError(f"it is damaged: {error}") from error


def map_npy(path: Path) -> np.ndarray:
    """The array of a .npy file, mapped and not read into memory.

    Raises: OSError, ValueError: it cannot be read, is no .npy file, or holds Python objects.
    """
    with path.open("rb") as file:
        _check_header(file, path.name, path.stat().st_size)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _check_header(file: IO[bytes], name: str, size: int) -> None:
    """Compare the array that a .npy file declares with the size of the file: NumPy allocates what
    is declared, except for Python objects, which it refuses. Raises: ValueError."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, _, dtype = read(file)
    except Exception as error:  # it is parsed as Python's syntax, which raises many types
        raise ValueError(f"{name} has a damaged header: {error}") from error
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"{name} declares an array of {list(shape)} {dtype}, and has another size")
