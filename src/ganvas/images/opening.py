"""Opening image files: their properties, their orientation, and why one cannot be read."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ganvas.base.logs import quiet_pillow
from ganvas.errors import DataError
from ganvas.images import depth, dicom, formats, repair

MAX_PIXELS = 100_000_000
MIN_SIDE = 4
_PHOTOMETRIC, _ORIENTATION = 262, 274
_ORIENTED = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
_PLAIN_FORMATS = frozenset({"BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP"})
"""Formats whose orientation, if they have one, is in `_ORIENTED` of `Image.info`."""
_FILMS = frozenset({"AVIF", "DCX", "FLI", "GIF", "PNG", "TIFF", "WEBP"})

T = TypeVar("T")


class Header(NamedTuple):
    """Properties of an image that are read before a pixel is decoded; sides in pixels.

    `wide`: one channel of more than 8 bits. `several`: frames or pages; the first one is read.
    `reduced`: several channels of 16 bits, of which Pillow keeps the upper 8.
    """

    height: int
    width: int
    grey: bool
    alpha: bool
    wide: bool = False
    several: bool = False
    reduced: bool = False


def opened(file: str | Path | bytes, work: Callable[[Image.Image], T], pixels: bool = True) -> T:
    """The result of a function for an opened image, also of one that must be repaired first."""
    with quiet_pillow():
        try:
            try:
                with _open(file, pixels) as image:
                    return work(image)
            except (OSError, ValueError, SyntaxError):
                repaired = _repaired(file)
                if repaired is None:
                    raise
            with _open(repaired, pixels) as image:
                if image.format == "TIFF" and not depth.is_wide(image):
                    raise ValueError(
                        "zero is white in it, and Pillow does not read it: save it as PNG"
                    )
                image.info[depth.INVERTED] = image.format == "TIFF"
                return work(image)
        except Exception as error:  # decoders raise many types on broken files, even IndexError
            name = "image" if isinstance(file, bytes) else str(file)
            raise DataError(f"cannot read {name}: {_why(file, error)}") from error


def _repaired(file: str | Path | bytes) -> bytes | None:
    """The content of a valid file that Pillow refuses, in a form that it accepts; else None."""
    start = file if isinstance(file, bytes) else formats.head(file)
    if not start.startswith((repair.PNG, *repair.TIFF)):
        return None
    content = file if isinstance(file, bytes) else Path(file).read_bytes()
    return (repair.png if start.startswith(repair.PNG) else repair.tiff)(content)


def _open(file: str | Path | bytes, pixels: bool = True) -> Image.Image:
    try:
        source = io.BytesIO(file) if isinstance(file, bytes) else file
        image: Image.Image = Image.open(source, formats=formats.known().formats)
    except UnidentifiedImageError:
        start = file[:132] if isinstance(file, bytes) else formats.head(file)
        if not formats.is_dicom(start):
            raise
        image = dicom.opened(file, pixels)
    tags = getattr(image, "tag_v2", {})
    if tags.get(_ORIENTATION, 1) >= 5 and not isinstance(file, bytes):
        image.close()  # Pillow 13 mixes up the sides if it maps such a file into memory
        return _open(Path(file).read_bytes(), pixels)
    if depth.is_wide(image) and tags.get(_PHOTOMETRIC) == 0:
        image.info[depth.INVERTED] = True
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise Image.DecompressionBombError
    if min(image.size) < MIN_SIDE:
        image.close()
        raise ValueError(f"{image.width} × {image.height} pixels, at least 4 × 4 are needed")
    return image


def header(image: Image.Image) -> Header:
    height, width = image.height, image.width
    if _turned(image):
        height, width = width, height
    wide = depth.is_wide(image)
    several = (
        image.info.get("frames", 1) > 1
        if image.format == "DICOM"
        else (image.format in _FILMS and getattr(image, "is_animated", False))
    )
    alpha = has_alpha(image) and not wide
    return Header(height, width, is_grey(image), alpha, wide, several, _is_reduced(image, wide))


def _is_reduced(image: Image.Image, wide: bool) -> bool:
    if wide or image.mode in ("L", "P", "1") or not getattr(image, "tile", None):
        return False
    arguments = image.tile[0][3]  # type: ignore[attr-defined]
    return ";16" in (arguments if isinstance(arguments, str) else str(arguments))


def _turned(image: Image.Image) -> bool:
    """Whether EXIF swaps the sides. `getexif` decodes a PNG whose header has no EXIF: avoided."""
    if image.format in _PLAIN_FORMATS and _ORIENTED.isdisjoint(image.info):
        return False
    if image.format == "TIFF":  # Pillow has swapped them already
        return False
    return image.getexif().get(_ORIENTATION, 1) >= 5


def has_alpha(image: Image.Image) -> bool:
    return image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info


def is_grey(image: Image.Image) -> bool:
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or depth.is_wide(image)


def orient(image: Image.Image) -> None:
    """Turn a decoded image upright by its EXIF or XMP data."""
    if image.format not in _PLAIN_FORMATS or not _ORIENTED.isdisjoint(image.info):
        ImageOps.exif_transpose(image, in_place=True)


def _why(file: str | Path | bytes, error: Exception) -> str:
    """Why a file cannot be read, by the error of a decoder."""
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS // 10**6} megapixels: scale it down first"
    if isinstance(error, UnidentifiedImageError):
        start = file[:132] if isinstance(file, bytes) else formats.head(file)
        return formats.what_it_is(start) or "empty, or not an image"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()) or type(error).__name__
