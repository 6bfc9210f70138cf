"""The pairs in the package, with their cards; where a run can begin. Needs no TensorFlow."""

from __future__ import annotations

import functools
import os
import tomllib
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ..base.types import StrPath
from ..errors import RunError, UsageError, no_such
from ..storage import remote, zoo
from ..storage.run import Run

WEIGHTS = resources.files("ganvas.pretrained") / "weights"
SUFFIXES = (".npz", ".keras")


@dataclass(frozen=True)
class Card:
    """What a pretrained pair is, and what it was trained on.

    Attributes:
        name: to begin from it: `ganvas train photos/ --from NAME`.
        what: one line.
        sources: the images, each with its authors and licence.
        training: how it was trained.
        sha256: of its files, by the side of its images in pixels.
    """

    name: str
    what: str
    sources: tuple[str, ...]
    training: str
    sha256: dict[str, str]

    @property
    def sizes(self) -> list[int]:
        return sorted(map(int, self.sha256))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@functools.cache
def cards() -> dict[str, Card]:
    """The cards of all pairs in the package, by name."""
    tree = tomllib.loads((WEIGHTS / "pairs.toml").read_text("utf-8"))
    return {
        name: Card(name, one["what"], tuple(one["sources"]), one["training"], one["sha256"])
        for name, one in tree.items()
    }


def card(name: str) -> Card:
    """Raises: UsageError: no pair of this name."""
    if name not in cards():
        raise UsageError(no_such("pretrained pair", name, cards()))
    return cards()[name]


def beginning(word: StrPath | None) -> str:
    """Where a run begins, as its recipe stores it: "" (from noise), "auto", the name of a pair,
    zoo:NAME, an address, or the absolute path of a run or file.

    Args:
        word: the value of `--from`: a pair's name, "auto", "none", a run, zoo:NAME, or a file
            (.npz, a pair; .keras, a generator). A pair's name wins: ./photos is a folder.

    Raises: RunError: nothing that a run can begin from.
    """
    word = os.fspath(word or "none")
    if word == "none":
        return ""
    if word == "auto" or word in cards():
        return word
    if name := zoo.name_of(word):
        zoo.folder(name)
        return word
    if address := remote.address(word):
        return address
    path = Path(word)
    if path.suffix in SUFFIXES and path.is_file():
        return str(path.absolute())
    try:
        return str(Run.open(word).folder.absolute())
    except RunError as error:
        names = ", ".join(cards())
        raise RunError(f"{error}; or {names}, auto, none; or a file .npz or .keras") from error
