"""Images from one array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganvas.data.findings import examine
from ganvas.data.listing import content_hash
from ganvas.data.lists import stacked
from ganvas.data.memory import fits
from ganvas.data.options import Options
from ganvas.data.rows import Rows
from ganvas.data.values import labels_of, pixels_of
from ganvas.images import refit

_CHUNK = 4096


def from_arrays(
    pixels: Any,
    labels: Any,
    options: Options,
    where: str = "the array",
    names: Sequence[str] = (),
    sentences: Sequence[str] = (),
) -> Rows:
    """Images from an array [N, H, W] or [N, H, W, C] or a list, and their labels; see `values`.

    A memory-mapped array of uint8 that is larger than the cache stays on the disk.

    Args:
        sentences: what was understood of the file that the arrays are from.

    Raises: DataError: another type or rank, or labels that do not fit the images.
    """
    if isinstance(pixels, (list, tuple)):
        pixels, understood, sizes = stacked(pixels, options, where)
    else:
        pixels, understood = pixels_of(pixels, where)
        sizes = Counter({(int(pixels.shape[1]), int(pixels.shape[2])): len(pixels)})
    numbers, names = labels_of(labels if options.labels else None, len(pixels), where, names)
    size = options.size_of(sizes)
    shape = (*size, options.channels or int(pixels.shape[3]))
    hashes, constant = _survey(pixels)
    report = examine(
        where,
        hashes=hashes,
        constant=constant,
        sizes=sizes,
        shape=shape,
        labels=numbers,
        names=names,
        judged=options.judged,
        fit=options.fit,
        facts={
            "layout": [*sentences, *understood],
            "no_classes": "" if names else "no labels" if options.labels else "data.labels=false",
        },
    )

    def read(row: int) -> np.ndarray:
        return refit(np.asarray(pixels[row]), size, shape[2], options.fit)

    kept = None
    if shape == pixels.shape[1:]:
        in_memory = not isinstance(pixels, np.memmap) or fits(len(pixels), shape, options)
        kept = np.asarray(pixels) if in_memory else None
    elif fits(len(pixels), shape, options):
        kept = np.stack([read(row) for row in range(len(pixels))])
    return Rows(
        read, kept, shape=shape, hashes=hashes, labels=numbers, names=tuple(names),
        options=options, report=report,
    )  # fmt: skip


def _survey(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Content hashes, uint64 [N], and the number of images of a single colour."""
    hashes, constant = np.empty(len(pixels), np.uint64), 0
    for start in range(0, len(pixels), _CHUNK):
        chunk = np.ascontiguousarray(pixels[start : start + _CHUNK])
        hashes[start : start + len(chunk)] = [content_hash(row.tobytes()) for row in chunk]
        flat = chunk.reshape(len(chunk), -1, chunk.shape[-1])
        constant += int((flat == flat[:, :1]).all(axis=(1, 2)).sum())
    return hashes, constant
