"""Generated images for a comparison: all of one size, and read in that size."""

from __future__ import annotations

from typing import Any

from ganvas.data.base import Images
from ganvas.data.options import Options
from ganvas.data.sources import called, load
from ganvas.errors import DataError


def read_generated(data: Any, fewest: int) -> Images:
    """Images that a generator drew: none is held out, and constant or equal ones are accepted.

    Raises: DataError: fewer than `fewest`, or of several sizes.
    """
    images = load(data, Options(holdout=0, judged=True))
    if images.count < fewest:
        raise DataError(
            f"{called(data)} has {images.count} images; at least {fewest} are needed: draw more"
        )
    height, width = size_of(images, data)
    if images.shape[:2] != (height, width):  # larger than the default size for training
        images = load(data, Options(size=(height, width), holdout=0, judged=True))
    return images


def size_of(images: Images, data: Any, advice: str = "bring them to one") -> tuple[int, int]:
    """The one size of all files, (height, width). Raises: DataError: there are several."""
    smallest, largest = (images.report.sizes[key] for key in ("smallest", "largest"))
    if smallest != largest:
        raise DataError(
            f"{called(data)} has images from {_size(smallest)} to {_size(largest)} (height × "
            f"width); one size is needed: {advice}"
        )
    return smallest[0], smallest[1]


def _size(sides: Any) -> str:
    return f"{sides[0]}×{sides[1]} px"
