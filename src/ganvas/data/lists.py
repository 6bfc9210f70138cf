"""Lists of images in memory, of Pillow or NumPy: they may have several sizes and modes."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..errors import DataError
from ..images import read, refit
from .options import Options
from .values import pixels_of, span_of

_KEPT = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
"""Modes of Pillow that a PNG file can hold."""


def stacked(
    images: Sequence[Any], options: Options, where: str
) -> tuple[np.ndarray, list[str], Counter[tuple[int, int]]]:
    """A list of images -> uint8 [N, H, W, C], resized as files are; sentences about what was
    understood; their own sizes.

    Raises: DataError: an element is no image.
    """
    found: list[np.ndarray] = []
    sentences: dict[str, None] = {}
    span = _span(images)
    for number, image in enumerate(images):
        pixels, said = _pixels(image, f"{where}[{number}]", span)
        found.append(pixels)
        sentences.update(dict.fromkeys(said))
    if not found:
        raise DataError(f"{where} is an empty list: give at least two images")
    sizes = Counter((int(one.shape[0]), int(one.shape[1])) for one in found)
    size = options.size_of(sizes)
    counts = Counter(int(one.shape[2]) for one in found)
    channels = options.channels or _channels(counts)
    if len(sizes) == 1 and len(counts) == 1 and not options.channels:
        return np.stack(found), [*sentences], sizes
    brought = f"{len(found)} images brought to {size[0]}x{size[1]}x{channels}"
    made = np.stack([refit(one, size, channels, options.fit) for one in found])
    return made, [*sentences, brought], sizes


def _channels(counts: Counter[int]) -> int:
    """As for files: 4 if most have transparency, 1 if all are grey, else 3."""
    if counts[2] + counts[4] > counts.total() / 2:
        return 4
    return 1 if not counts[3] + counts[4] else 3


def _span(images: Sequence[Any]) -> tuple[float, float] | None:
    """The smallest and largest value of all arrays that are not uint8; None if there are none."""
    arrays = [np.asarray(one) for one in images if not isinstance(one, Image.Image)]
    wide = [one for one in arrays if one.dtype.kind in "iuf" and one.dtype != np.uint8 and one.size]
    if not wide:
        return None
    spans = [span_of(one) for one in wide]
    return min(low for low, _ in spans), max(high for _, high in spans)


def _pixels(
    image: Any, where: str, span: tuple[float, float] | None
) -> tuple[np.ndarray, list[str]]:
    """One image -> uint8 [H, W, C]."""
    if isinstance(image, Image.Image):
        buffer = io.BytesIO()
        plain = image if image.mode in _KEPT else image.convert("RGB")
        plain.save(buffer, "png", compress_level=0)
        return read(buffer.getvalue()), []
    if isinstance(image, (str, os.PathLike)):
        raise DataError(
            f"{where} is a path ({type(image).__name__}), not an image: give the folder of the "
            "files, or open each of them with Pillow"
        )
    array = np.asarray(image)
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        raise DataError(
            f"{where} is {type(image).__name__} of shape {list(array.shape)}; an image of Pillow, "
            "or an array [H, W] or [H, W, C], is accepted: convert it"
        )
    array = array if array.ndim == 3 else array[..., None]
    pixels, said = pixels_of(array[None], where, span)
    return pixels[0], said
