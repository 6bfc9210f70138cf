"""Good images, dealt to their uses: what a fit begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .cross import cross_split
from .good_images import Split, read_good, split
from .grouping import Groups, deal, read_groups
from .moves import MOVES
from .patches import Grid
from .promise import Promise

PATCHES = 6000
MEMORY = 2e8
"""Most patches to train on, and most bytes of all their moves, or of planted images at once."""


class Dealt(NamedTuple):
    """Distinct good images and their uses.

    Attributes:
        images: uint8 [N, H, W, C].
        levels: with which they were read.
        parts: their uses; without images to scale if each calibrates by the others.
        promise: what the calibration will guarantee.
        groups: of the calibration images, in the order of the promise; None: one group.
    """

    images: np.ndarray
    levels: Any
    parts: Split
    promise: Promise
    groups: np.ndarray | None


def read_and_deal(
    good: Any, alpha: float, *, size: tuple[int, int] | None = None, all_good: bool = False,
    groups: str | Sequence[str] | None = None, cross: bool = False, seed: int = 0,
) -> Dealt:  # fmt: skip
    """Read good images and deal them; the arguments are those of `fit`.

    Raises: DataError: too few images, several sizes, labels, or no groups.
    """
    if groups is None:
        found = read_good(good, size, all_good=all_good)
    else:
        found = read_groups(good, size, groups)
    rows = distinct_rows(found.pixels)
    images, numbers = found.pixels[rows], None
    if groups is not None:
        of = Groups([found.classes[row] for row in rows])
        parts = deal(of, alpha, seed)
        promise = Promise("groups", of.sizes(parts.calibrate))
        numbers = of.numbers(parts.calibrate)
    elif cross:
        parts = cross_split(len(images), alpha, seed)
        promise = Promise("cross", {"": len(parts.calibrate)})
    else:
        parts = split(len(images), alpha, seed)
        promise = Promise("split", {"": len(parts.calibrate)})
    return Dealt(images, found.levels, parts, promise, numbers)


def distinct(images: np.ndarray) -> np.ndarray:
    """Each image once, in their order: an image used for training and calibration biases the
    calibration."""
    return images[distinct_rows(images)]


def distinct_rows(images: np.ndarray) -> np.ndarray:
    """The row of each distinct image, where it comes first."""
    digests = [hashlib.blake2b(one.tobytes(), digest_size=16).digest() for one in images]
    first = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    return np.sort(list(first.values()))


def some_patches(images: np.ndarray, grid: Grid, seed: int) -> np.ndarray:
    """Patches to train on, in random order: uint8 [M, side, side, C], M at most `PATCHES`."""
    rng = np.random.Generator(np.random.Philox(seed))
    rows, columns = grid.places
    every = len(images) * grid.count
    most = min(PATCHES, int(MEMORY / len(MOVES) / grid.side**2 / images.shape[3]))
    picked = rng.permutation(every)[:most]
    image, place = np.divmod(picked, grid.count)
    y, x = (np.array(starts) for starts in (rows, columns))
    cuts = zip(image, y[place // len(columns)], x[place % len(columns)], strict=True)
    return np.stack([images[i, top:, left:][: grid.side, : grid.side] for i, top, left in cuts])


def summary(parts: Split) -> str:
    """The uses of images, in words."""
    if not len(parts.scale):
        return (
            f"{len(parts.learn)} to learn from, {len(parts.calibrate)} to learn from and to "
            "calibrate, each left out in its turn"
        )
    return (
        f"{len(parts.learn)} to learn from, {len(parts.scale)} to scale and choose parts, "
        f"{len(parts.calibrate)} for calibration"
    )


def counts(parts: Split) -> dict[str, int]:
    """The number of images of each use, for a manifest."""
    return {name: len(rows) for name, rows in parts._asdict().items()}
