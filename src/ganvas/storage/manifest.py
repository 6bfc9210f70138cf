"""An exported model is a folder of versions, DIR/N/; `manifest.json` in each lists its contents.

Needs neither TensorFlow nor a run: a loaded model is checked with this module alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..base.files import inside, is_clutter, read_object
from ..base.printing import on_one_line
from ..base.types import StrPath
from ..errors import ModelError
from . import remote, zoo

NAME = "manifest.json"
FLOAT32 = "model_float32.tflite"
"""The artefact of a version that LiteRT draws from."""
ONNX = "model.onnx"
"""The artefact of a version that ONNX Runtime draws from."""
MOST_NAMES, LONGEST_NAME = 10_000, 1_000
WHOLE = re.compile(f"([1-9][0-9]{{0,17}})/{NAME}")


def versions(folder: StrPath) -> dict[int, Path]:
    """The versions in a folder, oldest first: number -> folder; none if there is no folder. At an
    address, only versions that have a manifest, which is written last: they are complete."""
    if address := remote.address(folder):
        names = remote.Store(address).files()
        whole = {int(found[1]) for name in names if (found := WHOLE.fullmatch(name))}
        return {number: Path(address, str(number)) for number in sorted(whole)}
    path = place_of(folder)
    return numbered(path) if path.is_dir() else {}


def place_of(folder: StrPath) -> Path:
    """A folder of this machine, or that of a model of the zoo, `zoo:NAME`.

    Raises: UsageError, ModelError: of the zoo, see `zoo.folder`.
    """
    name = zoo.name_of(folder)
    return zoo.folder(name) if name else remote.path(folder)


def numbered(folder: Path) -> dict[int, Path]:
    """Sub-folders named by up to 18 digits, by number; "1" before "001".

    Raises: OSError: the folder cannot be read.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: (len(p.name), p.name)):
        if re.fullmatch("[0-9]{1,18}", path.name) and path.is_dir():
            found.setdefault(int(path.name), path)
    return dict(sorted(found.items()))


def is_model(folder: StrPath) -> bool:
    """Whether this is DIR or DIR/N of an exported model."""
    if address := remote.address(folder):
        return NAME in remote.Store(address).files() or bool(versions(folder))
    places = [place_of(folder), *versions(folder).values()]
    return any((place / NAME).is_file() for place in places)


def locate(folder: StrPath) -> Path:
    """The folder of a version: DIR/N itself, or the newest version of DIR; of an address, a copy.

    Raises: ModelError: no exported model there.
    """
    if address := remote.address(folder):
        if NAME not in remote.Store(address).files():
            address = f"{address}/{max(versions(address), default=0)}"
        folder = remote.copy(address)
    path = place_of(folder)
    if (path / NAME).is_file():
        return path
    whole = [version for version in versions(path).values() if (version / NAME).is_file()]
    if not whole:
        raise ModelError(
            f"{remote.origin(path)} holds no exported model: give a folder that `ganvas export` "
            "wrote, or one of its versions"
        )
    return whole[-1]


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of a version: the facts, and the sha256 of every file in the folder."""
    files = {name: sha256(folder / name) for name in _files(folder)}
    text = json.dumps({**facts, "files": files}, indent=2, allow_nan=False)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def verify(folder: StrPath) -> dict[str, Any]:
    """The manifest of a version, after a check that each file is the one that was exported.

    This detects damage and mix-ups, not attacks: a person who can change a file can change the
    manifest, too. Against attacks, sign the folder.

    Args:
        folder: DIR, whose newest version is taken, or DIR/N.

    Raises: ModelError: no manifest, or a file that is missing, changed or was not exported.
    """
    path = locate(folder)
    try:
        facts = read_object(path / NAME)
        known = dict(facts["files"])
        for name in dict(facts.get("artefacts", {})):
            inside(path, name)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path / NAME} is damaged: export the model again") from error
    there = [name for name in _files(path) if name in known or not _is_clutter(name)]
    wrong = sorted(set(known) ^ set(there))
    for name in wrong:
        how = "is missing" if name in known else "was not exported with it"
        raise ModelError(f"{path / name} {how}: export the model again, or restore the folder")
    for name in there:
        if not (path / name).is_file() or sha256(path / name) != known[name]:
            raise ModelError(
                f"{path / name} is not the file that was exported (its sha256 differs from "
                "manifest.json): export the model again, or restore the folder"
            )
    return facts


def class_names(folder: Path) -> tuple[str, ...]:
    """The names of the classes of a version, by index, for showing them. Empty without classes or
    manifest, and where the manifest, which somebody else may have written, has other values."""
    with contextlib.suppress(OSError, ValueError):
        names = read_object(folder / NAME).get("names")
        names = names if isinstance(names, list) and len(names) <= MOST_NAMES else []
        if all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in names):
            return tuple(map(on_one_line, names))
    return ()


def _is_clutter(name: str) -> bool:
    """Whether a file that was not exported is one of a desktop or a file server; nothing reads it.
    Other hidden files are refused."""
    *above, last = PurePosixPath(name).parts
    return "@eaDir" in above or is_clutter(last)


def _files(folder: Path) -> list[str]:
    """Every file but the manifest, as a POSIX path within the folder; a link to a folder counts as
    a file, because links are not followed."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(name for p in found if (name := p.relative_to(folder).as_posix()) != NAME)
