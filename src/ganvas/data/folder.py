"""Images from a folder, or an archive of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from ganvas.base.logs import quiet_pillow
from ganvas.base.progress import counted, stage
from ganvas.data import checkup_cache
from ganvas.data.archives import unpacked
from ganvas.data.arranging import Layout, arrange
from ganvas.data.checkup import (
    Checks,
    Headers,
    attempt,
    check,
    headers_of,
    look,
    measures,
    without,
)
from ganvas.data.checkup_cache import Files, Table
from ganvas.data.listing import Listing
from ganvas.data.memory import fits
from ganvas.data.options import Options
from ganvas.data.parallel import mapped
from ganvas.data.rows import Remembered, Rows
from ganvas.data.walk import find
from ganvas.errors import DataError
from ganvas.images import read

T = TypeVar("T")

Announce = Callable[[Listing], None]
"""Called when the headers of all files are read, before any is decoded: its argument has no pixels,
and does not know yet what is held out."""


def from_folder(folder: Path, options: Options, announce: Announce | None = None) -> Rows:
    """The images of a folder. Its layout decides which are used, and what the classes are
    (`layouts.py`).

    Raises: DataError: no such folder, it is not readable, or no GAN can be trained on its images.
    """
    layout = arrange(folder, find(folder), options.labels, options.judged)
    return _checked(layout, options, announce, folder)


def from_archive(
    file: Path, within: str, options: Options, announce: Announce | None = None
) -> Rows:
    """The images of a zip or tar file, as from a folder with its content.

    Args:
        within: a folder in it; "." is the whole archive.
    """
    unpacked_to, left_out = unpacked(file)
    folder = unpacked_to / within
    if not folder.is_dir():
        raise DataError(f"{file} contains no folder {within}: give the archive, or another folder")
    found = find(folder)
    found = found._replace(left_out=found.left_out + left_out)
    layout = arrange(folder, found, options.labels, options.judged, str(file / within))
    said = f"{file.name}, which is unpacked to a temporary folder"
    return _checked(replace(layout, sentences=(said, *layout.sentences)), options, announce)


def _checked(
    layout: Layout, options: Options, announce: Announce | None, folder: Path | None = None
) -> Rows:
    """Checks every image once, in parallel, and keeps the decoded images if they fit in memory.

    Images that cannot be read are listed in the report and left out.

    Args:
        folder: results of its files are kept for the next time, see `checkup_cache`.
    """
    with quiet_pillow():
        measure = measures(options)
        files = Files(folder, layout.paths)
        table = checkup_cache.headers(
            files, measure, partial(attempt, partial(look, measure=measure))
        )
        found = _results(table, "reading headers")
        tops = headers_of(found)
        headers = Headers(layout, tops)
        if announce:
            numbers = np.arange(len(headers.good), dtype=np.uint64)  # in place of the hashes
            announce(Listing(**headers.facts(options, numbers, 0, {})))
        size, channels = headers.form(options)
        levels, shape = headers.levels(options), (*size, channels)
        keep = fits(len(headers.good), shape, options)
        decode = partial(
            check, size=size, channels=channels, fit=options.fit, levels=levels, keep=keep
        )
        seen = checkup_cache.contents(
            files.without(tops.broken), (shape, options.fit, levels), partial(attempt, decode)
        )
        kept = np.empty((len(headers.good) if keep else 0, *shape), np.uint8)
        checks, broken = Checks(), dict[int, str]()
        results = _results(seen, "checking images")
        for place, one in enumerate(results):
            if isinstance(one, str):
                broken[place] = one
                continue
            if one.pixels is not None:
                kept[len(checks.hashes)] = one.pixels
            checks.add(one)
    facts = headers.facts(options, checks.same(), checks.constant, broken, checks.grey)
    readable = without(headers.good, broken)
    decoded = ~np.delete(seen.known, list(broken))

    def read_row(row: int) -> np.ndarray:
        return read(readable[row], size, channels, options.fit, levels)

    places = tuple(layout.within(path) for path in readable)
    pixels = kept[: len(readable)] if keep else None
    whole = decoded.all()
    return Rows(
        read_row if pixels is None or whole else Remembered(read_row, pixels, decoded),
        pixels if whole else None,
        **facts, places=places, file_hashes=np.array(checks.hashes, np.uint64),
    )  # fmt: skip


def _results(table: Table[T], name: str) -> Iterator[T | str]:
    """The result of each file, in order, while a stage shows how far it is; then they are kept."""
    count = len(table.files.paths)
    with (
        stage(name, count, "images") as at_work,
        closing(mapped(table, range(count))) as results,
    ):
        yield from counted(results, at_work)
    table.save()
