"""Files and folders that appear complete or not at all, folders locked by one process, and disk
errors as one sentence."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import IO, Any

import filelock

from ..errors import RunError
from .messages import log

PARTS = (".*.part*",)
"""Patterns of the names of incomplete files that a killed process may leave."""
LONGEST_NAME = 255
"""Bytes; file systems raise errors for longer ones."""


CLUTTER = (".ds_store", "thumbs.db", "desktop.ini", "@eadir")


def home() -> Path | None:
    """The user's home folder; None for a user without one, as in some containers."""
    try:
        return Path.home()
    except (RuntimeError, KeyError):
        return None


def is_clutter(name: str) -> bool:
    """Whether this is the name of a file that desktops and file servers put into every folder."""
    return name.lower() in CLUTTER or name.startswith("._")


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing but clutter and hidden files."""
    return all(path.name[0] == "." or is_clutter(path.name) for path in folder.iterdir())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when it is complete and on the disk."""
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
    """Write a file with this content, completely or not at all; text in UTF-8."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, values: Any) -> None:
    """Write indented JSON in ASCII: file names in it may be invalid UTF-8."""
    write_file(path, json.dumps(values, indent=2) + "\n")


def parse_object(content: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises: ValueError: other text, or one that is nested too deeply."""
    try:
        found = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not an object")
    return found


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises: OSError; ValueError: see `parse_object`."""
    return parse_object(path.read_bytes())


def inside(folder: Path, name: Any) -> Path:
    """The file in a folder that a document of somebody else names.

    Raises: ValueError: the name is no text, leads out of the folder, or has over 255 bytes.
    """
    parts = PureWindowsPath(name).parts if isinstance(name, str) and "\0" not in name else ()
    if not parts or ".." in parts or PureWindowsPath(name).anchor or PureWindowsPath(name).drive:
        raise ValueError(f"it names the file {name!r}, which is not within the folder")
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise ValueError(f"it names a file by more than {LONGEST_NAME} bytes")
    return folder / name


@contextlib.contextmanager
def filling(folder: Path, settle: Callable[[Path, Path], object] = Path.replace) -> Iterator[Path]:
    """A folder that appears under its name when it is complete; yields a temporary folder to write
    to.

    After a failure the temporary folder is removed.

    Args:
        folder: does not exist, or is empty.
        settle: moves the temporary folder to its place; by default it is renamed.
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
def locked(folder: Path, leftovers: Sequence[str] = PARTS) -> Iterator[None]:
    """Lock a folder, so that no second process writes into it. The lock ends with its process.

    Args:
        leftovers: patterns of files anywhere in the folder, incomplete ones of a dead process, that
            are removed. Empty for a folder that holds files of others, too.

    Raises: RunError: a live process holds the lock.
    """
    lock = filelock.FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise RunError(f"{folder} is in use by another process: wait for it, or stop it") from error
    except OSError:
        with disk_errors(folder):
            raise
    try:
        for pattern in leftovers:
            for part in folder.rglob(pattern):
                if not part.is_dir():  # a folder belongs to `filling`, which clears its own
                    part.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def is_locked(lock: Path) -> bool:
    """Whether a live process holds this lock file; it is not made."""
    if not lock.exists():
        return False
    try:
        with filelock.FileLock(lock, timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # read-only: no process can hold it there, but one may by another path
        return _held_elsewhere(lock)


def _held_elsewhere(lock: Path) -> bool:
    """The same for a lock file that can only be read."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def in_turn(lock: Path, note: str = "") -> Iterator[None]:
    """Wait for a lock file, and hold it. The thread that holds it may acquire it again.

    Args:
        note: logged if the wait is longer than a second.
    """
    held = filelock.FileLock(lock, is_singleton=True)
    try:
        held.acquire(timeout=1)
    except filelock.Timeout:
        log.warning(note)
        held.acquire()
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a disk error into a RunError of one sentence."""
    try:
        yield
    except Exception as error:
        tensorflow = sys.modules.get("tensorflow")  # its writers raise their own errors
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
