"""Grey values of more than 8 bits: which range they use, and how they become 8 bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image

Levels = str | tuple[float, float]
"""The values that become black and white: (low, high); "full" is 0 to 65535."""

INVERTED = "white is zero"
"""A key of `Image.info`: small values are light, and Pillow did not invert them."""
_BITS = (8, 10, 12, 14, 16)
_HOUNSFIELD = (-1024, 3071)
_EIGHT_BITS = ((np.arange(65536) + 128) // 257).astype(np.uint8)
"""Of each number of 16 bits, rounded; a table, because wider numbers would take gigabytes."""


class Extent(NamedTuple):
    """The smallest and the largest value of images, and whether they are floats."""

    low: float
    high: float
    floats: bool


def is_wide(image: Image.Image) -> bool:
    """Whether an image has one channel of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def values(image: Image.Image) -> np.ndarray:
    """The stored values of a wide image. Raises: ValueError: floats that are not finite."""
    array = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if image.mode == "I" and tags.get(258) == (32,) and tags.get(339, (1,)) == (1,):
        return array.view(np.uint32)  # Pillow has no mode for them
    if image.mode == "F" and not np.isfinite(array).all():
        raise ValueError("some pixels are NaN or infinite: replace them by numbers")
    return array


def extent(image: Image.Image) -> Extent:
    array = values(image)
    return Extent(float(array.min()), float(array.max()), image.mode == "F")


def joined(extents: Iterable[Extent | None]) -> Extent | None:
    """The extent of several images; None if there are none."""
    some = [one for one in extents if one is not None]
    if not some:
        return None
    low, high, floats = zip(*some, strict=True)
    return Extent(min(low), max(high), any(floats))


def levels_of(found: Extent | None) -> Levels:
    """The levels for images of this extent: the fewest bits that hold it (8, 10, 12, 14, 16), or
    Hounsfield units in 12 bits, or 0 to 1 for floats; else the extent itself."""
    if found is None:
        return "full"
    low, high, floats = found
    if floats and low >= 0 and high <= 1:
        return 0, 1
    if not floats and low >= 0 and high < 2 ** _BITS[-1]:
        bits = next(bits for bits in _BITS if high < 2**bits)
        return "full" if bits == _BITS[-1] else (0, 2**bits - 1)
    if not floats and low >= _HOUNSFIELD[0] and high <= _HOUNSFIELD[1]:
        return _HOUNSFIELD
    return (low, high) if low < high else (low, low + 1)


def to_eight(image: Image.Image, levels: Levels) -> np.ndarray:
    """The values of a wide image as uint8 [H, W]; those outside of the levels are clipped.

    Raises: ValueError: floats without levels.
    """
    array = values(image)
    if isinstance(levels, str):
        if image.mode == "F":
            raise ValueError(
                "pixels are floats, which have no agreed range: set data.levels = [low, high]"
            )
        eight = _EIGHT_BITS[np.clip(array, 0, 65535)]
    else:
        low, high = levels
        part = (array.astype(np.float64) - low) * (255 / (high - low))
        eight = np.rint(np.clip(part, 0, 255)).astype(np.uint8)
    return 255 - eight if image.info.get(INVERTED) else eight
