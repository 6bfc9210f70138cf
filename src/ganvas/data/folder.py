"""Images from a folder, or an archive of one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ganvas.base.logs import quiet_pillow
from ganvas.base.progress import counted, stage
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
from ganvas.data.listing import Listing
from ganvas.data.memory import fits
from ganvas.data.options import Options
from ganvas.data.parallel import mapped
from ganvas.data.rows import Rows
from ganvas.data.walk import find
from ganvas.errors import DataError
from ganvas.images import read

Announce = Callable[[Listing], None]
"""Called when the headers of all files are read, before any is decoded: its argument has no pixels,
and does not know yet what is held out."""


def from_folder(folder: Path, options: Options, announce: Announce | None = None) -> Rows:
    """The images of a folder. Its layout decides which are used, and what the classes are
    (`layouts.py`).

    Raises: DataError: no such folder, it is not readable, or no GAN can be trained on its images.
    """
    return _checked(
        arrange(folder, find(folder), options.labels, options.judged), options, announce
    )


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


def _checked(layout: Layout, options: Options, announce: Announce | None) -> Rows:
    """Checks every image once, in parallel, and keeps the decoded images if they fit in memory.

    Images that cannot be read are listed in the report and left out.
    """
    with quiet_pillow():
        seen = partial(attempt, partial(look, measure=measures(options)))
        paths = layout.paths
        with (
            stage("reading headers", len(paths), "images") as reading,
            closing(mapped(seen, paths)) as results,
        ):
            tops = headers_of(counted(results, reading))
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
        kept = np.empty((len(headers.good) if keep else 0, *shape), np.uint8)
        checks, broken = Checks(), dict[int, str]()
        good = headers.good
        with (
            stage("checking images", len(good), "images") as checking,
            closing(mapped(partial(attempt, decode), good)) as decoded,
        ):
            for place, one in enumerate(counted(decoded, checking)):
                if isinstance(one, str):
                    broken[place] = one
                    continue
                if one.pixels is not None:
                    kept[len(checks.hashes)] = one.pixels
                checks.add(one)
    facts = headers.facts(options, checks.same(), checks.constant, broken, checks.grey)
    readable = without(headers.good, broken)

    def read_row(row: int) -> np.ndarray:
        return read(readable[row], size, channels, options.fit, levels)

    places = tuple(layout.within(path) for path in readable)
    return Rows(
        read_row, kept[: len(readable)] if keep else None, **facts, places=places,
        file_hashes=np.array(checks.hashes, np.uint64),
    )  # fmt: skip
