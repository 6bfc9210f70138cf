"""What may hold the classes of images that have none, for the header: file names, tables; and
folders that could be classes, but are empty."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from .labels import FILES
from .layouts import Level
from .walk import NO_IMAGE, LeftOut

_WORD = re.compile(r"(?:\d+[-_. ])?([^\W\d_]+(?:[-_ ][^\W\d_]+)*)[-_. ]*\(?\d+\)?")
_MOST = 2000  # names that are looked at
_TABLES = (".csv", ".tsv", ".jsonl")


def hints(paths: Sequence[str], left_out: LeftOut) -> list[str]:
    """Sentences for a user whose images have no classes.

    Args:
        paths: of the images, within the data folder.
        left_out: files beside them.
    """
    found = []
    if words := _words(paths[:: len(paths) // _MOST + 1]):
        some = ", ".join(words[:3]) + " ..." * (len(words) > 3)
        found.append(
            f"the files are named by {len(words)} words ({some}): if these are classes, sort the "
            "files into sub-folders, or give --labels FILE.csv"
        )
    if any(what in _TABLES and why == NO_IMAGE for what, why in left_out):
        found.append(f"labels are read from {', '.join(FILES)}; --labels names another file")
    return found


def _words(paths: Sequence[str]) -> list[str]:
    """The words of names such as cat.0.jpg and 0_dog_12.png, if they may be classes: at least two,
    each of at least two images. Cameras write only capitals: IMG_1.JPG, DSC_2.JPG."""
    matches = [_WORD.fullmatch(PurePosixPath(path).stem) for path in paths]
    counts = Counter(match[1] for match in matches if match)
    if not all(matches) or len(counts) < 2 or min(counts.values()) < 2:
        return []
    return sorted(counts) if any(word != word.upper() for word in counts) else []


def empty_folders(level: Level) -> list[str]:
    """Sub-folders of which no image is used."""
    try:
        with os.scandir(level.root / level.base) as entries:
            names = {one.name for one in entries if one.is_dir()}
    except OSError:
        return []
    return sorted(names - level.below.keys())
