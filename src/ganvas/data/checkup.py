"""The check of a folder of images before it is used. Needs no TensorFlow."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ganvas.data.arranging import Found, Layout, is_hidden
from ganvas.data.findings import examine
from ganvas.data.listing import content_hash
from ganvas.data.options import Options, auto_size
from ganvas.errors import DataError
from ganvas.images import SUFFIXES, Header, read
from ganvas.storage.outputs import is_output, is_run

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
        broken: index among the layout's paths -> why this file has no readable header.

    Raises: DataError: no image among them.
    """

    def __init__(self, layout: Layout, headers: np.ndarray, broken: Mapping[int, str]) -> None:
        self.layout = layout
        self.good = without(layout.paths, broken)
        self._unreadable = self._why(layout.paths, broken)
        self._sides, self._grey, self._alpha = headers[:, :2], headers[:, 2], headers[:, 3]
        if not self.good:
            raise DataError(_nothing(layout, self._unreadable))

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
            raise DataError(_nothing(self.layout, unreadable))
        size, channels = self.form(options)
        labels, names = self.layout.numbers(without(self.good, broken))
        report = examine(
            str(self.layout.folder),
            hashes=hashes,
            constant=constant,
            sizes=self._sizes(broken),
            shape=(*size, channels),
            labels=labels,
            names=names,
            unreadable=unreadable,
            judged=options.judged,
            facts=self.layout.facts(names),
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
            {"path": self.layout.within(paths[place]), "why": why} for place, why in broken.items()
        ]


def find(folder: Path) -> Found:
    """The files below a folder. What ganvas or a system has written there is not listed.

    Raises: DataError: a folder cannot be read, or the folder is a run.
    """

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{error.filename} cannot be read ({error.strerror}): give this user the right to"
        ) from error

    paths, others, written = [], Counter[str](), {}
    for top, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        if Path(top) != folder and is_output(files, folders, Path(top)):
            name = Path(top).relative_to(folder).as_posix()
            written[name] = sum(is_image(one) for _, _, inside in os.walk(top) for one in inside)
            folders.clear()
            continue
        if Path(top) == folder and is_run(files, folders, folder):
            raise DataError(
                f"{folder} is a run, not images: ganvas resume {folder} continues it, and "
                f"--from {folder} starts a new run from its weights"
            )
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in files:
            if is_hidden(name):
                continue
            if is_image(name):
                paths.append(str(Path(top, name)).replace(os.sep, "\0"))
            else:
                others[Path(name).suffix.lower()] += 1
    paths.sort()  # with \0 as separator, so that a folder's files are neighbours
    for place, path in enumerate(paths):  # one by one: there may be a million
        paths[place] = path.replace("\0", os.sep)
    return Found(paths, others, written)


def is_image(name: str) -> bool:
    """Whether a file has the suffix of an image."""
    return Path(name).suffix.lower() in SUFFIXES


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


def _nothing(layout: Layout, unreadable: list[dict[str, str]]) -> str:
    accepted = "PNG, JPEG, BMP, GIF, WebP and TIFF files"
    folder, images, ignored = layout.folder, len(layout.paths), sum(layout.others.values())
    if images:
        first = unreadable[0]
        return (
            f"none of the {images} images in {folder} can be read, such as {first['path']} "
            f"({first['why']}); accepted are {accepted}: replace them"
        )
    others = f" ({ignored} other file{'s' * (ignored != 1)})" if ignored else ""
    return f"{folder} contains no images{others}; accepted are {accepted}: give a folder of images"
