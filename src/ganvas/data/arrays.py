"""Images from one array."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ganvas.data.findings import examine
from ganvas.data.listing import content_hash
from ganvas.data.memory import fits
from ganvas.data.options import Options, auto_size
from ganvas.data.rows import Rows
from ganvas.errors import DataError
from ganvas.images import refit

_CHUNK = 4096


def from_arrays(
    pixels: np.ndarray,
    labels: np.ndarray | None,
    options: Options,
    where: str = "the array",
    names: Sequence[str] = (),
) -> Rows:
    """Images from uint8 [N, H, W] or [N, H, W, C], and integer labels [N] or [N, 1].

    A memory-mapped array that is larger than the cache stays on the disk.

    Raises: DataError: another type or rank, or labels that do not fit the images.
    """
    pixels = _images(pixels, where)
    numbers, names = _classes(labels if options.labels else None, len(pixels), where, names)
    own = int(pixels.shape[1]), int(pixels.shape[2])
    size = options.sides or auto_size(Counter({own: len(pixels)}))
    shape = (*size, options.channels or int(pixels.shape[3]))
    hashes, constant = _survey(pixels)
    report = examine(
        where,
        hashes=hashes,
        constant=constant,
        sizes=Counter({own: len(pixels)}),
        shape=shape,
        labels=numbers,
        names=names,
        judged=options.judged,
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


def _images(pixels: np.ndarray, where: str) -> np.ndarray:
    if pixels.dtype != np.uint8:
        raise DataError(
            f"{where} has dtype {pixels.dtype}; uint8 from 0 to 255 is accepted: convert it, "
            "floats in [-1, 1] by ((x + 1) * 127.5).round().astype('uint8')"
        )
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.ndim != 4 or not 1 <= pixels.shape[3] <= 4 or not len(pixels):
        raise DataError(
            f"{where} has shape {list(pixels.shape)}; [N, H, W] and [N, H, W, C] with 1 to 4 "
            "channels are accepted: transpose it"
        )
    return pixels


def _classes(
    labels: np.ndarray | None, count: int, where: str, names: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as 0 .. classes - 1 with a name each; zeros and no names without labels."""
    if labels is None:
        return np.zeros(count, np.int32), ()
    labels = np.asarray(labels)
    if labels.size != count or labels.dtype.kind not in "iubUS":
        raise DataError(
            f"the labels of {where} are {labels.dtype} of shape {list(labels.shape)}; one integer "
            f"or word for each of the {count} images is needed: correct or remove them"
        )
    if not _is_text(labels):
        raise DataError(f"the labels of {where} hold texts that are not Unicode: write them again")
    values, numbers = np.unique(labels.reshape(-1), return_inverse=True)
    if names and values.dtype.kind in "iu" and values.max() < len(names):
        return labels.reshape(-1).astype(np.int32), tuple(names)
    return numbers.astype(np.int32), tuple(str(value) for value in values)


def _is_text(labels: np.ndarray) -> bool:
    """False for texts in UTF-32 with other numbers, of which NumPy makes strings that break."""
    if labels.dtype.kind != "U" or not labels.dtype.itemsize:
        return True
    native = np.ascontiguousarray(labels, labels.dtype.newbyteorder("="))
    return bool(native.view(np.uint32).max() <= sys.maxunicode)


def _survey(pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Content hashes, uint64 [N], and the number of images of a single colour."""
    hashes, constant = np.empty(len(pixels), np.uint64), 0
    for start in range(0, len(pixels), _CHUNK):
        chunk = np.ascontiguousarray(pixels[start : start + _CHUNK])
        hashes[start : start + len(chunk)] = [content_hash(row.tobytes()) for row in chunk]
        flat = chunk.reshape(len(chunk), -1, chunk.shape[-1])
        constant += int((flat == flat[:, :1]).all(axis=(1, 2)).sum())
    return hashes, constant
