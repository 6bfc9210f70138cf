"""Images in a folder, whose sub-folders are classes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganvas.data.listing import content_hash
from ganvas.data.options import Options, auto_size, fits
from ganvas.data.report import examine
from ganvas.errors import DataError
from ganvas.images import SUFFIXES, Header, probe, read
from ganvas.logs import quiet_pillow

if TYPE_CHECKING:
    from ganvas.data.rows import Rows


class Checked(NamedTuple):
    """What decoding a file once told about it; `pixels` only if they are to be kept."""

    hash: int
    constant: bool
    pixels: np.ndarray | None


def from_folder(folder: Path, options: Options) -> Rows:
    """Checks every image once, in parallel, and keeps the decoded ones if they fit in memory.

    Sub-folders are classes when there are at least two and no image lies beside them. What
    cannot be read is listed in the report and left out.

    Raises: DataError: no such folder, not readable, or nothing in it to learn from.
    """
    from ganvas.data.rows import Rows  # TensorFlow, which workers that pack do without

    paths, ignored = find(folder)
    with quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as pool:
        headers = Headers(folder, paths, list(pool.map(partial(attempt, probe), paths)), ignored)
        size, channels = headers.form(options)
        keep = fits(len(headers.good), (*size, channels), options)
        look = partial(check, size=size, channels=channels, fit=options.fit, keep=keep)
        told = list(pool.map(partial(attempt, look), headers.good))
    good = [one for one in told if isinstance(one, Checked)]
    hashes = np.array([one.hash for one in good], np.uint64)
    broken = {place: one for place, one in enumerate(told) if isinstance(one, str)}
    facts = headers.facts(options, hashes, sum(one.constant for one in good), broken)
    readable = headers.without(broken)

    def read_row(row: int) -> np.ndarray:
        return read(readable[row], size, channels, options.fit)

    kept = np.stack([one.pixels for one in good if one.pixels is not None]) if keep else None
    places = tuple(Path(path).relative_to(folder).as_posix() for path in readable)
    return Rows(read_row, kept, **facts, places=places)


class Headers:
    """The files of a folder by what their headers say; `good` are those that have one. Of a
    million files it holds their paths and a few numbers.

    Args:
        told: for each path its header, or why it has none.
        ignored: how many other files there are.

    Raises: DataError: no image among them.
    """

    def __init__(self, folder: Path, paths: list[str], told: list[Header | str], ignored: int):
        self.folder, self.found, self.ignored = folder, len(paths), ignored
        self.good = [p for p, one in zip(paths, told, strict=True) if not isinstance(one, str)]
        self._unreadable = [
            self._why(p, one) for p, one in zip(paths, told, strict=True) if isinstance(one, str)
        ]
        good = [one for one in told if not isinstance(one, str)]
        self._told = np.array(good, np.int32).reshape(-1, len(Header._fields))
        if not self.good:
            raise DataError(_nothing(folder, self.found, ignored, self._unreadable))

    def form(self, options: Options) -> tuple[tuple[int, int], int]:
        """The size and channels that all are brought to."""
        return options.sides or auto_size(self._sizes()), options.channels or self._channels()

    def without(self, broken: Container[int]) -> list[str]:
        """The good paths but those at some places."""
        return [path for place, path in enumerate(self.good) if place not in broken]

    def facts(
        self, options: Options, hashes: np.ndarray, constant: int, broken: Mapping[int, str]
    ) -> dict[str, Any]:
        """What makes a `Listing` of the images that can be read.

        Args:
            hashes: of the contents, uint64 [N].
            constant: how many of them are of a single colour.
            broken: why the others, by their place among the good paths, cannot be decoded.
        """
        unreadable = self._unreadable + [self._why(self.good[i], why) for i, why in broken.items()]
        if not len(hashes):
            raise DataError(_nothing(self.folder, self.found, self.ignored, unreadable))
        size, channels = self.form(options)
        labels, names = np.zeros(len(hashes), np.int32), tuple[str, ...]()
        if options.labels:
            labels, names = _classes(self.without(broken), self.folder)
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

    def _sizes(self, broken: Iterable[int] = ()) -> Counter[tuple[int, int]]:
        heights, widths = np.delete(self._told[:, :2], list(broken), axis=0).T.tolist()
        return Counter(zip(heights, widths, strict=True))

    def _channels(self) -> int:
        """1 if all are grey; 4 if most have transparency; else 3."""
        grey, alpha = self._told[:, 2:].T
        if alpha.sum() > len(alpha) / 2:
            return 4
        return 1 if grey.all() else 3

    def _why(self, path: str, why: str) -> dict[str, str]:
        return {"path": str(Path(path).relative_to(self.folder)), "why": why}


def find(folder: Path) -> tuple[list[str], int]:
    """Paths of image files below a folder, by name, and how many other files there are."""

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
                paths.append(str(Path(top, name)))
            else:
                ignored += 1
    return sorted(paths, key=lambda path: Path(path).parts), ignored


def attempt(function, path: str):
    """The function's result, or the reason why there is none."""
    try:
        return function(path)
    except DataError as error:
        return str(error).removeprefix(f"cannot read {path}: ")


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
    """The first folder of a path; empty where it names a file alone."""
    return path.parts[0] if len(path.parts) > 1 else ""


def _nothing(folder: Path, images: int, ignored: int, unreadable: list[dict[str, str]]) -> str:
    accepted = "PNG, JPEG, BMP, GIF, WebP and TIFF files"
    if images:
        first = unreadable[0]
        return (
            f"none of the {images} images in {folder} can be read, such as {first['path']} "
            f"({first['why']}), where {accepted} are taken: replace them"
        )
    found = f"{ignored} files but no image" if ignored else "nothing"
    return f"{folder} holds {found}, where {accepted} are taken: give a folder of images"
