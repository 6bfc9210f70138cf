"""Masks and annotations beside the images that they belong to: they are never trained on."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import DataError
from ..images import read

_WORDS = "masks?|mattes?|trimaps?|seg|segmentations?|annotations?|gt|labels?"
_FILE = re.compile(rf"(.+?)[-_. ](?:{_WORDS})(?:[-_ ]?\d+)?", re.IGNORECASE)
_FOLDER = re.compile(
    rf"{_WORDS}|ground[-_ ]?truths?|segmentation[-_ ]?(?:class|object)", re.IGNORECASE
)
_PAIRED = re.compile(rf"(.+)[-_. ](?:{_WORDS})", re.IGNORECASE)
_LIKELY = re.compile(r"mask|matte|trimap|seg|annot|gt|label|ground", re.IGNORECASE)
_UNSURE = re.compile(r"labels?|gt|seg", re.IGNORECASE)
"""Names of folders that classes may have, too: their content decides."""
_FLAT = 0.8  # of the pixels of a mask have one of its 32 most common colours
_SHARE = 0.5  # of the files of a folder of masks must have an image of the same name


def may_be_mask(path: str) -> bool:
    """Whether a path has a word of masks in it: a quick test."""
    return _LIKELY.search(path) is not None


def masks_of(root: Path, paths: Sequence[str]) -> tuple[set[str], list[str]]:
    """The masks among images, by their paths within the data folder `root`, and where they are.

    A mask is x_mask.png beside x.png; or an image in a folder such as masks/, images_mask/ or
    annotations/, if at least half of them have the name of an image outside of that folder.
    """
    named = [path for path in paths if _FILE.fullmatch(PurePosixPath(path).stem)]
    found, where = set(), []
    if named:
        marked = set(named)
        stems = {str(PurePosixPath(path).with_suffix("")) for path in paths if path not in marked}
        found = {path for path in named if _image_of(path) in stems}
        if found:
            first = min(found)
            where.append(f"{PurePosixPath(first).name} beside {_image_of(first).split('/')[-1]}")
    for folder in _folders(paths):
        inside = [path for path in paths if path.startswith(folder + "/")]
        if _belong(folder, inside, paths) and _look_right(root, folder, inside):
            found.update(inside)
            where.append(f"in {folder}")
    return found, where


def _image_of(path: str) -> str:
    """a/x_mask.png -> a/x."""
    whole = PurePosixPath(path)
    match = _FILE.fullmatch(whole.stem)
    return str(whole.with_name(match[1] if match else whole.stem))


def _folders(paths: Sequence[str]) -> list[str]:
    """Folders that are named as masks are. Classes such as mask and no_mask, or with_mask and
    without_mask, are not among them."""
    tree: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in {str(PurePosixPath(path).parent) for path in paths}:
        parts = PurePosixPath(path).parts
        for depth, name in enumerate(parts):
            tree["/".join(parts[:depth])][name] += 1
    found: list[str] = []
    for above, names in sorted(tree.items()):
        for name in names:
            others = [one for one in names if one != name]
            paired = _PAIRED.fullmatch(name)
            alike = any(name.lower().rstrip("s") in one.lower() for one in others)
            if (paired and paired[1] in others) or (_FOLDER.fullmatch(name) and not alike):
                found.append(f"{above}/{name}".lstrip("/"))
    return [one for one in found if not any(one.startswith(other + "/") for other in found)]


def _belong(folder: str, inside: Sequence[str], paths: Sequence[str]) -> bool:
    """Whether the files of a folder have the names of images beside it."""
    above = str(PurePosixPath(folder).parent)
    prefix = "" if above == "." else above + "/"
    outside = {
        PurePosixPath(path).stem
        for path in paths
        if path.startswith(prefix) and not path.startswith(folder + "/")
    }
    stems = [PurePosixPath(_image_of(path)).name for path in inside]
    return sum(stem in outside for stem in stems) >= _SHARE * len(stems) > 0


def _look_right(root: Path, folder: str, inside: Sequence[str]) -> bool:
    """Whether a folder of a doubtful name has images of few colours."""
    if not _UNSURE.fullmatch(folder.split("/")[-1]):
        return True
    try:
        pixels = read(root / inside[len(inside) // 2])
    except DataError:
        return True
    _, counts = np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0, return_counts=True)
    return float(np.sort(counts)[-32:].sum()) >= _FLAT * float(counts.sum())
