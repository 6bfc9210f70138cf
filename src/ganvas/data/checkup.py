"""The check of a folder of images before it is used. Needs no TensorFlow."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ganvas.data.findings import examine
from ganvas.data.listing import content_hash
from ganvas.data.options import Options, auto_size
from ganvas.errors import DataError
from ganvas.images import SUFFIXES, Header, read

T = TypeVar("T")


class Checked(NamedTuple):
    """Properties of a decoded file; `pixels` only if they are kept in memory."""

    hash: int
    constant: bool
    pixels: np.ndarray | None


class Headers:
    """The headers of the files of a folder; `good` are the files with a readable header.

    It keeps only the path and four numbers of each file: there may be a million.

    Args:
        headers: the readable headers, int32 [G, 4].
        broken: index among the paths -> why this file has no readable header.
        ignored: number of other files.

    Raises: DataError: no image among them.
    """

    def __init__(
        self,
        folder: Path,
        paths: list[str],
        headers: np.ndarray,
        broken: Mapping[int, str],
        ignored: int,
    ) -> None:
        self.folder, self.found, self.ignored = folder, len(paths), ignored
        self.good = without(paths, broken)
        self._unreadable = self._why(paths, broken)
        self._sides, self._grey, self._alpha = headers[:, :2], headers[:, 2], headers[:, 3]
        if not self.good:
            raise DataError(_nothing(folder, self.found, ignored, self._unreadable))

    def form(self, options: Options) -> tuple[tuple[int, int], int]:
        """The size and number of channels of all images after reading."""
        return options.sides or auto_size(self._sizes({})), options.channels or self._channels()

    def facts(
        self, options: Options, hashes: np.ndarray, constant: int, broken: Mapping[int, str]
    ) -> dict[str, Any]:
        """The arguments of a `Listing` of the images that can be read.

        Args:
            hashes: of their contents, uint64 [N].
            constant: number of images of a single colour.
            broken: index among the good paths -> why this file cannot be decoded.
        """
        unreadable = self._unreadable + self._why(self.good, broken)
        if not len(hashes):
            raise DataError(_nothing(self.folder, self.found, self.ignored, unreadable))
        size, channels = self.form(options)
        names: tuple[str, ...] = ()
        labels = np.zeros(len(hashes), np.int32)
        if options.labels:
            labels, names = _classes(without(self.good, broken), self.folder)
        report = examine(
            str(self.folder),
            hashes=hashes,
            constant=constant,
            sizes=self._sizes(broken),
            shape=(*size, channels),
            labels=labels,
            names=names,
            unreadable=unreadable,
            ignored=self.ignored,
            judged=options.judged,
        )
        return {
            "shape": (*size, channels), "hashes": hashes, "labels": labels, "names": names,
            "options": options, "report": report,
        }  # fmt: skip

    def _sizes(self, broken: Mapping[int, str]) -> Counter[tuple[int, int]]:
        sides = np.delete(self._sides, list(broken), axis=0)
        sizes, counts = np.unique(sides, axis=0, return_counts=True)
        return Counter(dict(zip(map(tuple, sizes.tolist()), counts.tolist(), strict=True)))

    def _channels(self) -> int:
        """1 if all are grey; 4 if most have transparency; else 3."""
        if self._alpha.sum() > len(self.good) / 2:
            return 4
        return 1 if self._grey.all() else 3

    def _why(self, paths: list[str], broken: Mapping[int, str]) -> list[dict[str, str]]:
        return [
            {"path": str(Path(paths[place]).relative_to(self.folder)), "why": why}
            for place, why in broken.items()
        ]


def find(folder: Path) -> tuple[list[str], int]:
    """Paths of image files below a folder, by name, and the number of other files."""

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{error.filename} cannot be read ({error.strerror}): give this user the right to"
        ) from error

    paths, ignored = [], 0
    for top, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in SUFFIXES:
                paths.append(str(Path(top, name)).replace(os.sep, "\0"))
            else:
                ignored += 1
    paths.sort()  # with \0 as separator, so that a folder's files are neighbours
    for place, path in enumerate(paths):  # one by one: there may be a million
        paths[place] = path.replace("\0", os.sep)
    return paths, ignored


def attempt(function: Callable[[str], T], path: str) -> T | str:
    """The function's result, or the message of its DataError."""
    try:
        return function(path)
    except DataError as error:
        return str(error).removeprefix(f"cannot read {path}: ")


def good_and_broken(results: Sequence[Any]) -> tuple[list[Any], dict[int, str]]:
    """Results of `attempt` -> the good ones, and the messages of the others by their index."""
    broken = {place: one for place, one in enumerate(results) if isinstance(one, str)}
    return without(results, broken), broken


def without(items: Sequence[Any], places: Mapping[int, Any]) -> list[Any]:
    """All items but those at some indices."""
    return [item for place, item in enumerate(items) if place not in places]


def headers_of(results: Sequence[Header | str]) -> tuple[np.ndarray, dict[int, str]]:
    """The arguments of `Headers`: readable headers int32 [G, 4], and the messages of the others."""
    good, broken = good_and_broken(results)
    return np.array(good, np.int32).reshape(-1, len(Header._fields)), broken


def check(path: str, size: tuple[int, int], channels: int, fit: str, keep: bool) -> Checked:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        pixels = read(content, size, channels, fit)
    except DataError as error:
        raise DataError(str(error).replace("cannot read image: ", "", 1)) from error
    values = pixels.tobytes()
    pixel = values[: pixels.shape[-1]]
    constant = values == pixel * (len(values) // len(pixel))
    return Checked(content_hash(content), constant, pixels if keep else None)


def _classes(paths: list[str], folder: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    tops = [_top(Path(path).relative_to(folder)) for path in paths]
    names = sorted(set(tops))
    if len(names) < 2 or "" in names:
        return np.zeros(len(paths), np.int32), ()
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[top] for top in tops], np.int32), tuple(names)


def _top(path: Path) -> str:
    """The first folder of a path; empty if it has none."""
    return path.parts[0] if len(path.parts) > 1 else ""


def _nothing(folder: Path, images: int, ignored: int, unreadable: list[dict[str, str]]) -> str:
    accepted = "PNG, JPEG, BMP, GIF, WebP and TIFF files"
    if images:
        first = unreadable[0]
        return (
            f"none of the {images} images in {folder} can be read, such as {first['path']} "
            f"({first['why']}); accepted are {accepted}: replace them"
        )
    others = f" ({ignored} other file{'s' * (ignored != 1)})" if ignored else ""
    return f"{folder} contains no images{others}; accepted are {accepted}: give a folder of images"
