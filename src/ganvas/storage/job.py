"""A folder that belongs to one request; the same request continues it.

A long job stores its finished parts together with its request. The same request continues with the
missing parts; a different request is refused, so that results are never mixed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..base.arrays import open_npz
from ..base.files import (
    PARTS,
    disk_errors,
    is_empty,
    locked,
    read_object,
    replacing,
    write_json,
)
from ..errors import RunError
from .run import UNREADABLE

REQUEST = ".request.json"
_LONGEST = 80
"""Longest value, in characters, that an error message shows; of longer ones it gives the name."""


def is_begun(folder: Path, request: Mapping[str, Any], file: str = REQUEST) -> bool:
    """Whether the folder was begun for this request already.

    Args:
        request: plain values; further keys of the folder's own request are not compared.
        file: the name of the file in the folder that holds its request.

    Raises: RunError: it was begun for another request, or holds other files.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another folder")
    if not (folder / file).is_file():
        if folder.exists() and not is_empty(folder):
            raise RunError(f"{folder} holds other files: choose a new or empty folder")
        return False
    before, now = request_of(folder, file), json.loads(json.dumps(request))
    if not before:
        raise RunError(f"{folder / file} is damaged: choose another folder")
    if differ := [*_differences({key: before.get(key) for key in now}, now)]:
        raise RunError(
            f"{folder} belongs to a request with {', and '.join(differ)}: repeat that request to "
            "continue it, or choose another folder"
        )
    return True


def begin(folder: Path, request: Mapping[str, Any], file: str = REQUEST, made: str = "*") -> None:
    """Make the folder for a request, or accept it if it was begun for the same one.

    Args:
        made: a pattern of the files of finished parts; as long as no file matches it, the folder
            may be used for another request.

    Raises: RunError: see `is_begun`.
    """
    try:
        if is_begun(folder, request, file):
            return
    except RunError:
        if not request_of(folder, file) or any(folder.glob(made)):
            raise
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / file, request)


@contextlib.contextmanager
def claimed(folder: Path, request: Mapping[str, Any], anew: bool = False) -> Iterator[None]:
    """Lock the folder while it is filled. Call `is_begun` before.

    If the job fails before it wrote a file, the folder is removed again.

    Args:
        anew: empty a folder that was begun for another request.

    Raises: RunError: another process uses the folder.
    """
    new = not folder.exists()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, (*PARTS, ".*.png.*")):
        if anew and request_of(folder) != json.loads(json.dumps(request)):
            _empty(folder)
        write_json(folder / REQUEST, request)
        try:
            yield
        except BaseException:
            _forget(folder, new)
            raise
    (folder / ".lock").unlink(missing_ok=True)


def request_of(folder: Path, file: str = REQUEST) -> dict[str, Any]:
    """The request that a folder was begun for; empty if there is none, or it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return read_object(folder / file)
    return {}


def recall(path: Path, key: str) -> dict[str, Any]:
    """The values that `remember` wrote for the same key; empty if there are none."""
    with contextlib.suppress(OSError, ValueError):
        kept = read_object(path)
        return kept if kept.get("key") == key else {}
    return {}


def remember(path: Path, key: str, **found: Any) -> None:
    """Write a result together with the key of its inputs."""
    write_json(path, {"key": key, **found})


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write the arrays of a part by rename: if the file exists, the part is done."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of a part; None if the part is not done."""
    with contextlib.suppress(*UNREADABLE), open_npz(path) as arrays:
        return dict(arrays)
    return None


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], within: str = ""
) -> Iterator[str]:
    """The differences of two requests, as text; keys of nested tables are dotted."""
    for key in dict.fromkeys([*now, *before]):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{within}{key}.")
        elif old != new:
            shown, name = (json.dumps(old), json.dumps(new)), f"{within}{key}"
            secret = max(map(len, shown)) > _LONGEST or _is_digest(old) or _is_digest(new)
            yield f"another value of {name}" if secret else f"{name} = {shown[0]}, got {shown[1]}"


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 16 and set(value) <= set("0123456789abcdef")


def _empty(folder: Path) -> None:
    (folder / REQUEST).unlink(missing_ok=True)  # first: a partly emptied folder has no request
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _forget(folder: Path, new: bool) -> None:
    """Remove the folder's own files if no other file was written, and the folder if it is new."""
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
