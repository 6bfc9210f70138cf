"""The names that images can have, checked before anything is read. Needs no TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ganvas.base import plug_ins
from ganvas.data.archives import located
from ganvas.data.kinds import refuse
from ganvas.errors import DataError, no_such
from ganvas.storage import remote

ACCEPTED = (
    "a folder of images, a .zip or .tar of one, FILE.npz[:PART], FILE.npy, a folder made by "
    "`ganvas prepare`, mnist, mnist:test, keras:NAME or tfds:NAME"
)
LIBRARIES = ("mnist", "keras", "tfds")
PARTS = ("train", "val", "test")


def check_named(data: Any) -> None:
    """Arrays, addresses and empty names are left to `sources.load`.

    Raises: DataError: no images can have this name, or there is no such file.
    """
    if not isinstance(data, (str, os.PathLike)) or not os.fspath(data) or remote.address(data):
        return
    path = remote.path(data)
    if path.is_dir() or located(path):
        return
    name, colon, part = str(path).rpartition(":")
    named = bool(colon) and name.endswith((".npz", ".npy"))
    file = Path(name) if named else path
    if file.suffix in (".npz", ".npy"):
        if not file.exists():
            raise DataError(f"{file} does not exist: check the path; accepted are {ACCEPTED}")
        part_of(f"{file}:{part}", part if named else "train")
        return
    if path.exists():
        raise refuse(path)
    library, _, rest = str(path).partition(":")
    plug_ins.check_clash("source", library, LIBRARIES)
    if library == "mnist":
        part_of(str(path), rest or "train")
    elif library not in (*LIBRARIES, *plug_ins.found("source")):
        raise DataError(f"'{path}' does not exist: check the path; accepted are {ACCEPTED}")


def check_labels(labels: bool | str) -> None:
    """Raises: DataError: a file of labels that cannot be read."""
    if not isinstance(labels, str) or remote.address(labels):
        return
    try:
        Path(labels).open("rb").close()
    except OSError as error:
        raise DataError(f"{labels} cannot be read ({error.strerror}): check its path") from error


def part_of(source: str, part: str) -> str:
    """The part of a file or set. Raises: DataError: there is none of this name."""
    if part not in PARTS:
        raise DataError(f"{source}: {no_such('part', part, PARTS)}")
    return part
