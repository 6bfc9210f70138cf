"""A folder that is filled for one request, and that the same request continues.

A job that takes long keeps what it has made beside the request it was made for. The same request
finds the folder and does what is missing; another one is refused before it mixes the two.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..base.files import disk_errors, locked, replacing, write_json
from ..errors import RunError
from .run import UNREADABLE

REQUEST = ".request.json"
_LONGEST = 80
"""Characters of a value that a refusal shows; longer ones are only named."""


def is_begun(folder: Path, request: Mapping[str, Any], file: str = REQUEST) -> bool:
    """Whether the folder was begun for this request already.

    Args:
        request: plain values; what the folder's own request says besides is not compared.
        file: the name of the file in the folder that holds its request.

    Raises: RunError: it was begun for another request, or holds other files.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another folder")
    if not (folder / file).is_file():
        if folder.exists() and any(path.name[0] != "." for path in folder.iterdir()):
            raise RunError(f"{folder} holds other files: choose a new or empty folder")
        return False
    before, asked = request_of(folder, file), json.loads(json.dumps(request))
    if not before:
        raise RunError(f"{folder / file} is damaged: choose another folder")
    if differ := [*_differences({key: before.get(key) for key in asked}, asked)]:
        words = ", ".join(differ)
        raise RunError(
            f"{folder} was begun with {words}: the same request as before continues it; choose "
            "another folder for a new one"
        )
    return True


def begin(folder: Path, request: Mapping[str, Any], file: str = REQUEST, made: str = "*") -> None:
    """Make the folder for a request, or find it begun for the same one.

    Args:
        made: a pattern of what has been made; while nothing matches it, the folder may begin
            another request.

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
    """Hold the folder while it is filled. `is_begun` comes before.

    What fails before anything is made leaves nothing behind.

    Args:
        anew: empty a folder that was begun for another request.

    Raises: RunError: another process fills it.
    """
    new = not folder.exists()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
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
    """The request that a folder was begun for; empty where there is none that can be read."""
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((folder / file).read_text("utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def recall(path: Path, key: str) -> dict[str, Any]:
    """What `remember` wrote for the same key; empty where it did not, or the file is damaged."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        kept = json.loads(path.read_text("utf-8"))
        return kept if kept.get("key") == key else {}
    return {}


def remember(path: Path, key: str, **found: Any) -> None:
    """Keep a result with what it depends on."""
    write_json(path, {"key": key, **found})


def write_arrays(path: Path, **arrays: Any) -> None:
    """Arrays of a part, by rename: where this file is, the part is done."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """None where the part is not done."""
    with contextlib.suppress(*UNREADABLE), np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
    return None


def _differences(
    before: Mapping[str, Any], asked: Mapping[str, Any], within: str = ""
) -> Iterator[str]:
    """What differs between two requests, in words; within tables by dotted keys."""
    for key in dict.fromkeys([*asked, *before]):
        old, new = before.get(key), asked.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{within}{key}.")
        elif old != new:
            shown, name = (json.dumps(old), json.dumps(new)), f"{within}{key}".replace("_", " ")
            secret = max(map(len, shown)) > _LONGEST or _is_digest(old) or _is_digest(new)
            yield f"different {name}" if secret else f"{name} {shown[0]} (now {shown[1]})"


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 16 and set(value) <= set("0123456789abcdef")


def _empty(folder: Path) -> None:
    (folder / REQUEST).unlink(missing_ok=True)  # first: what is half emptied is of no request
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


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
