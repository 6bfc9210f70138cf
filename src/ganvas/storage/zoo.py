"""Models of the zoo, `zoo:NAME`: files of the package ganvas-zoo, of which nothing is executed.

ganvas_zoo/models.json          name -> what it draws, licence of its data, sha256 of each file
ganvas_zoo/NAME/N/              an exported model
ganvas_zoo/NAME/pair.npz        both networks in half precision, to begin a training from
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from ..base.files import inside, read_object
from ..errors import ModelError, UsageError, no_such

SCHEME = "zoo"
PACKAGE = "ganvas_zoo"
LIST, PAIR = "models.json", "pair.npz"


def name_of(location: object) -> str | None:
    """The name in `zoo:NAME`; None for anything else."""
    scheme, found, name = str(location).partition(":")
    return name if found and scheme == SCHEME and not name.startswith("/") else None


def models() -> dict[str, dict[str, Any]]:
    """The models by name, as `models.json` describes them.

    Raises: UsageError: the package is not installed.
    """
    return dict(read_object(_package() / LIST))


def folder(name: str) -> Path:
    """The exported model of this name, after a check of its files.

    Raises:
        UsageError: the package is not installed, or has no model of this name.
        ModelError: a file is missing, or another than the package was made with.
    """
    found = models()
    if name not in found:
        raise UsageError(no_such("model of the zoo", name, found))
    _check(_package() / name, tuple(sorted(found[name]["files"].items())))
    return _package() / name


def pair(name: str) -> Path:
    """The file of both networks of a model, checked as in `folder`."""
    return folder(name) / PAIR


def _package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    places = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    place = next((one for one in places if (one / LIST).is_file()), None)
    if place is None:
        raise UsageError("models of the zoo are a package of their own: pip install ganvas-zoo")
    return place


@cache
def _check(place: Path, files: tuple[tuple[str, str], ...]) -> None:
    for name, sha256 in files:
        path = inside(place, name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path} cannot be read ({error.strerror}): reinstall ganvas-zoo"
            ) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ModelError(f"{path} has another sha256 than it should: reinstall ganvas-zoo")
