"""Images in a folder, whose sub-folders are classes."""

from __future__ import annotations

import os
from collections import Counter
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
        checked = list(pool.map(partial(attempt, look), headers.good))
    facts = headers.facts(options, checked)

    def read_row(row: int) -> np.ndarray:
        return read(folder / facts["places"][row], size, channels, options.fit)

    good = [one.pixels for one in checked if isinstance(one, Checked) and one.pixels is not None]
    return Rows(read_row, np.stack(good) if keep else None, **facts)


class Headers:
    """The files of a folder by what their headers say; `good` are those that have one.

    Args:
        told: for each path its header, or why it has none.
        ignored: how many other files there are.

    Raises: DataError: no image among them.
    """

    def __init__(self, folder: Path, paths: list[Path], told: list[Header | str], ignored: int):
        self.folder, self.found, self.ignored = folder, len(paths), ignored
        self._headers, self._unreadable = _sort_out(paths, told, folder)
        self.good = list(self._headers)
        if not self.good:
            raise DataError(_nothing(folder, self.found, ignored, self._unreadable))

    def form(self, options: Options) -> tuple[tuple[int, int], int]:
        """The size and channels that all are brought to."""
        sizes = Counter((h.height, h.width) for h in self._headers.values())
        channels = options.channels or _channels(list(self._headers.values()))
        return options.sides or auto_size(sizes), channels

    def facts(self, options: Options, told: list[Checked | str]) -> dict[str, Any]:
        """What makes a `Listing` of the images that can be read.

        Args:
            told: for each good path what was found by decoding it, or why it cannot be.
        """
        size, channels = self.form(options)
        folder, shape = self.folder, (*size, channels)
        checked, broken = _sort_out(self.good, told, folder)
        unreadable = self._unreadable + broken
        if not checked:
            raise DataError(_nothing(folder, self.found, self.ignored, unreadable))
        good = list(checked)
        labels, names = _classes(good, folder) if options.labels else (np.zeros(len(good), int), ())
        hashes = np.array([one.hash for one in checked.values()], np.uint64)
        report = examine(
            str(folder),
            hashes=hashes,
            constant=sum(one.constant for one in checked.values()),
            sizes=Counter((self._headers[p].height, self._headers[p].width) for p in good),
            shape=shape,
            labels=labels,
            names=names,
            unreadable=unreadable,
            ignored=self.ignored,
            judged=options.judged,
        )
        return {
            "shape": shape, "hashes": hashes, "labels": labels.astype(np.int32), "names": names,
            "options": options, "report": report,
            "places": tuple(path.relative_to(folder).as_posix() for path in good),
        }  # fmt: skip


def find(folder: Path) -> tuple[list[Path], int]:
    """Image files below a folder, by name, and how many other files there are."""

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
                paths.append(Path(top, name))
            else:
                ignored += 1
    return sorted(paths), ignored


def attempt(function, path: Path):
    """The function's result, or the reason why there is none."""
    try:
        return function(path)
    except DataError as error:
        return str(error).removeprefix(f"cannot read {path}: ")


def _sort_out(paths: list[Path], results: list, folder: Path):
    good = {p: r for p, r in zip(paths, results, strict=True) if not isinstance(r, str)}
    bad = [
        {"path": str(p.relative_to(folder)), "why": r}
        for p, r in zip(paths, results, strict=True)
        if isinstance(r, str)
    ]
    return good, bad


def check(path: Path, size: tuple[int, int], channels: int, fit: str, keep: bool) -> Checked:
    try:
        content = path.read_bytes()
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


def _channels(headers: list[Header]) -> int:
    """1 if all are grey; 4 if most have transparency; else 3."""
    if sum(h.alpha for h in headers) > len(headers) / 2:
        return 4
    return 1 if all(h.grey for h in headers) else 3


def _classes(paths: list[Path], folder: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    parts = [path.relative_to(folder).parts for path in paths]
    names = sorted({part[0] for part in parts if len(part) > 1})
    if len(names) < 2 or any(len(part) == 1 for part in parts):
        return np.zeros(len(paths), np.int32), ()
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[part[0]] for part in parts], np.int32), tuple(names)


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
