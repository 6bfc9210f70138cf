"""DICOM files, by pydicom: the first frame, with its rescale slope and intercept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganvas.images.depth import INVERTED


def opened(file: str | Path | bytes, pixels: bool = True) -> Image.Image:
    """A DICOM file as an image of mode L, I, F or RGB. Windows are not applied.

    Args:
        pixels: False: only the size and the mode are those of the file.

    Raises: ValueError: pydicom is not installed, or the file has no pixels that it can decode.
    """
    try:
        import pydicom
    except ImportError as error:
        raise ValueError("DICOM files need an extra: pip install 'ganvas[dicom]'") from error
    source: Any = io.BytesIO(file) if isinstance(file, bytes) else str(file)
    about = pydicom.dcmread(source, stop_before_pixels=not pixels)
    if "Rows" not in about or "Columns" not in about:
        raise ValueError("the DICOM file has no image")
    slope = float(about.get("RescaleSlope", None) or 1)
    offset = float(about.get("RescaleIntercept", None) or 0)
    colour = int(about.get("SamplesPerPixel", 1)) > 1 or "PALETTE" in _kind(about)
    eight = int(about.BitsAllocated) <= 8 and (slope, offset) == (1, 0)
    signed = int(about.get("PixelRepresentation", 0)) == 1
    if not pixels:
        mode = "RGB" if colour else "L" if eight and not signed else "I"
        image = Image.new(mode, (1, 1))
        image._size = (int(about.Columns), int(about.Rows))
    else:
        image = _image(about, colour, slope, offset)
    image.format = "DICOM"
    image.info["frames"] = int(about.get("NumberOfFrames", None) or 1)
    image.info[INVERTED] = _kind(about) == "MONOCHROME1"  # of an 8-bit image: done already
    return image


def _kind(about: Any) -> str:
    return str(about.get("PhotometricInterpretation", ""))


def _image(about: Any, colour: bool, slope: float, offset: float) -> Image.Image:
    from pydicom.pixels import apply_color_lut, pixel_array

    array = pixel_array(about, index=0)
    if colour:
        if "PALETTE" in _kind(about):
            array = apply_color_lut(array, about)
        if array.dtype != np.uint8:
            array = (array >> (8 * array.itemsize - 8)).astype(np.uint8)
        return Image.fromarray(np.ascontiguousarray(array))
    if array.dtype == np.uint8 and (slope, offset) == (1, 0):
        array = array * 255 if int(about.BitsAllocated) == 1 else array
        return Image.fromarray(255 - array if _kind(about) == "MONOCHROME1" else array)
    scaled = array * slope + offset
    whole = slope.is_integer() and offset.is_integer()
    return Image.fromarray(scaled.astype(np.int32 if whole else np.float32))
