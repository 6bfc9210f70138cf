"""A folder that several processes fill part by part, for one request alone."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from ..base.files import disk_errors, replacing
from ..errors import RunError
from .run import UNREADABLE

REQUEST = ".request.json"


def check(folder: Path, request: Mapping[str, Any], told: tuple[str, ...] = ()) -> bool:
    """Whether the folder was begun for this request already.

    Args:
        told: what to name of the request in a refusal.

    Raises: RunError: it holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another folder")
    if not folder.exists() or not any(folder.iterdir()):
        return False
    before = read(folder)
    if not before:
        raise RunError(
            f"{folder} is not empty, and what is in it was not begun by this: choose another folder"
        )
    differ = [key for key in request if before.get(key) != request[key]]
    if differ:
        words = ", ".join(
            f"{key} {before.get(key)}, where {request[key]} is asked for"
            if key in told else f"another {key.replace('_', ' ')}"
            for key in differ
        )  # fmt: skip
        raise RunError(f"{folder} holds parts of something else ({words}): choose another folder")
    return True


def read(folder: Path) -> dict[str, Any]:
    """The request that a folder was begun for; empty where none was."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads((folder / REQUEST).read_text("utf-8"))
    return {}


def _empty(folder: Path) -> None:
    (folder / REQUEST).unlink(missing_ok=True)  # first: what is half emptied is of no request
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


@contextlib.contextmanager
def claimed(folder: Path, request: Mapping[str, Any], anew: bool = False) -> Iterator[None]:
    """Hold the folder while it is filled. `check` comes before.

    What fails before there is a part leaves nothing behind.

    Args:
        anew: empty a folder that was begun for another request.

    Raises: RunError: another process fills it.
    """
    new = not folder.exists()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock", timeout=0)
    try:
        with lock:
            if anew and read(folder) != json.loads(json.dumps(request)):
                _empty(folder)
            for kind in (".*.part*", ".*.png.*"):  # left by a process that was killed
                for part in folder.rglob(kind):
                    part.unlink(missing_ok=True)
            with replacing(folder / REQUEST) as file:
                file.write(json.dumps(request, indent=2).encode())
            try:
                yield
            except BaseException:
                _forget(folder, new)
                raise
    except filelock.Timeout as error:
        raise RunError(f"{folder} is being filled by another process: wait for it") from error
    (folder / ".lock").unlink(missing_ok=True)


def _forget(folder: Path, new: bool) -> None:
    """Leave no trace where nothing was made."""
    if not folder.exists():
        return
    made = [p for p in folder.rglob("*") if p.is_file() and p.name not in (REQUEST, ".lock")]
    if not made:
        (folder / REQUEST).unlink(missing_ok=True)
        (folder / ".lock").unlink(missing_ok=True)
        for empty in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
            empty.rmdir()
        if new:
            folder.rmdir()


def write_arrays(path: Path, **arrays: Any) -> None:
    """Arrays of a part, by rename: where this file is, the part is done."""
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """None where the part is not done."""
    with contextlib.suppress(*UNREADABLE), np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
    return None
