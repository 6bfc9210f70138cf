"""Images from a folder whose sub-folders are classes."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from ganvas.base.logs import quiet_pillow
from ganvas.data.archives import unpacked
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
from ganvas.data.memory import fits
from ganvas.data.options import Options
from ganvas.data.parallel import mapped
from ganvas.data.rows import Rows
from ganvas.data.walk import LeftOut, find
from ganvas.images import read


def from_archive(file: Path, options: Options) -> Rows:
    """The images of a zip or tar file, as from a folder with its content."""
    folder, left_out = unpacked(file)
    return from_folder(folder, options, str(file), left_out)


def from_folder(
    folder: Path, options: Options, name: str | None = None, left_out: LeftOut | None = None
) -> Rows:
    """Checks every image once, in parallel, and keeps the decoded images if they fit in memory.

    Sub-folders are classes if there are at least two and no image is beside them. Images that
    cannot be read are listed in the report and left out.

    Args:
        name: of the folder in messages; None: its path.
        left_out: what was left out before, of an archive.

    Raises: DataError: no such folder, it is not readable, or no GAN can be trained on its images.
    """
    paths, others = find(folder)
    with quiet_pillow():
        seen = partial(attempt, partial(look, measure=measures(options)))
        with closing(mapped(seen, paths)) as results:
            tops = headers_of(results)
        headers = Headers(folder, paths, tops, others + (left_out or Counter()), name)
        size, channels = headers.form(options)
        levels, shape = headers.levels(options), (*size, channels)
        keep = fits(len(headers.good), shape, options)
        decode = partial(
            check, size=size, channels=channels, fit=options.fit, levels=levels, keep=keep
        )
        kept = np.empty((len(headers.good) if keep else 0, *shape), np.uint8)
        checks, broken = Checks(), dict[int, str]()
        with closing(mapped(partial(attempt, decode), headers.good)) as decoded:
            for place, one in enumerate(decoded):
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

    places = tuple(Path(path).relative_to(folder).as_posix() for path in readable)
    return Rows(read_row, kept[: len(readable)] if keep else None, **facts, places=places)
