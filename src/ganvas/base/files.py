"""Files and folders that appear whole or not at all, folders held by one process, and disk errors
in one sentence."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import filelock

from ..errors import RunError

PARTS = (".*.part*", ".*.png.*")
"""What a killed process may leave behind, as patterns of names."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when it is whole and on the disk."""
    part = path.with_name(f".{path.name}.part")
    with disk_errors(path):
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_file(path: Path, content: bytes | str) -> None:
    """A file with this content, whole or not at all; text in UTF-8."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, values: Any) -> None:
    """The same, as indented JSON in ASCII: file names within may be no valid UTF-8."""
    write_file(path, json.dumps(values, indent=2) + "\n")


@contextlib.contextmanager
def filling(folder: Path, settle: Callable[[Path, Path], object] = Path.replace) -> Iterator[Path]:
    """A folder that appears under its name when all is in it; yields where to write until then.

    A failure leaves nothing behind.

    Args:
        folder: does not exist, or is empty.
        settle: brings what was written to its place, where it may be more than a new name.
    """
    part = folder.with_name(f".{folder.name}.part")
    with disk_errors(folder):
        shutil.rmtree(part, ignore_errors=True)  # left by a process that was killed
        part.mkdir(parents=True)
        try:
            yield part
            settle(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def locked(folder: Path, seconds: float = 0) -> Iterator[None]:
    """Hold a folder, so that no second process writes into it. A dead process holds nothing; what
    it left half-written is removed.

    Args:
        seconds: to wait for another process.

    Raises: RunError: a live process holds it.
    """
    try:
        with filelock.FileLock(folder / ".lock", timeout=seconds):
            for pattern in PARTS:
                for part in folder.rglob(pattern):
                    part.unlink(missing_ok=True)
            yield
    except filelock.Timeout as error:
        raise RunError(f"{folder} is in use by another process: wait for it, or stop it") from error


def is_locked(lock: Path) -> bool:
    """Whether a live process holds this lock file."""
    try:
        with filelock.FileLock(lock, timeout=0):
            return False
    except filelock.Timeout:
        return True


@contextlib.contextmanager
def in_turn(lock: Path, note: str = "") -> Iterator[None]:
    """Hold a lock file, after whoever holds it now. The thread that holds it may take it again.

    Args:
        note: written to standard error where this has to wait for more than a second.
    """
    held = filelock.FileLock(lock, is_singleton=True)
    try:
        held.acquire(timeout=1)
    except filelock.Timeout:
        sys.stderr.write(note)
        held.acquire()
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an error of the disk into one sentence."""
    try:
        yield
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")  # whose writers raise errors of their own
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            why = error.strerror or str(error)
        elif tensorflow and isinstance(error, tensorflow.errors.OpError):
            full = isinstance(error, tensorflow.errors.ResourceExhaustedError)
            why = str(error).splitlines()[0]
        else:
            raise
        advice = "free some space, then resume" if full else "choose a folder with write permission"
        raise RunError(
            f"{path} cannot be written ({why}): {advice}; files written before are complete"
        ) from error
