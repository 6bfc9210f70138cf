"""Images from a folder whose sub-folders are classes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ganvas.base.logs import quiet_pillow
from ganvas.data.arranging import arrange
from ganvas.data.checkup import Headers, attempt, check, find, good_and_broken, headers_of, without
from ganvas.data.listing import Listing
from ganvas.data.memory import fits
from ganvas.data.options import Options
from ganvas.data.rows import Rows
from ganvas.images import probe, read


def from_folder(
    folder: Path, options: Options, announce: Callable[[Listing], None] | None = None
) -> Rows:
    """Checks every image once, in parallel, and keeps the decoded images if they fit in memory.

    The folder's layout decides what is used and what the classes are (`layouts.py`). Images that
    cannot be read are listed in the report and left out.

    Args:
        announce: called when the headers of all files are read, before any is decoded.

    Raises: DataError: no such folder, it is not readable, or no GAN can be trained on its images.
    """
    layout = arrange(folder, find(folder), options.labels, options.judged)
    with quiet_pillow(), ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(partial(attempt, probe), layout.paths))
        headers = Headers(layout, *headers_of(results))
        size, channels = headers.form(options)
        if announce:
            numbers = np.arange(len(headers.good), dtype=np.uint64)  # in place of the hashes
            announce(Listing(**headers.facts(options, numbers, 0, {})))
        keep = fits(len(headers.good), (*size, channels), options)
        decode = partial(check, size=size, channels=channels, fit=options.fit, keep=keep)
        good, broken = good_and_broken(list(pool.map(partial(attempt, decode), headers.good)))
    hashes = np.array([one.hash for one in good], np.uint64)
    facts = headers.facts(options, hashes, sum(one.constant for one in good), broken)
    readable = without(headers.good, broken)

    def read_row(row: int) -> np.ndarray:
        return read(readable[row], size, channels, options.fit)

    kept = np.stack([one.pixels for one in good]) if keep else None
    places = tuple(layout.within(path) for path in readable)
    return Rows(read_row, kept, **facts, places=places)
