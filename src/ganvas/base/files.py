"""Files that appear whole or not at all, and what the disk says no to in one sentence."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import filelock

from ..errors import RunError


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


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, so that no second process writes into it. A dead process holds nothing; what
    it left half-written is cleared away.

    Raises: RunError: a live process holds it.
    """
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            for part in folder.rglob(".*.part*"):
                part.unlink(missing_ok=True)
            yield
    except filelock.Timeout as error:
        raise RunError(f"{folder} is in use by another process: wait for it, or stop it") from error


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say in one sentence what the disk said no to."""
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
        advice = "free some space, then go on" if full else "choose a folder you may write"
        raise RunError(
            f"{path} cannot be written ({why}): {advice}; what was written before is whole"
        ) from error
