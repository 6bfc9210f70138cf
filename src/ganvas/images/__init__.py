"""Conversion of images: files and uint8 outside, floats in [-1, 1] inside. Only this folder does.

A uint8 image is [H, W, C] with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.
Needs NumPy and Pillow only: TensorFlow is imported when a tensor comes in.
"""

from __future__ import annotations

import io
import math
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganvas.base.own_files import MARK
from ganvas.base.printing import printable
from ganvas.errors import Diverged
from ganvas.images import depth, provenance, signing
from ganvas.images.depth import (
    Extent as Extent,
    Levels as Levels,
    joined as joined,
    levels_of as levels_of,
)
from ganvas.images.formats import is_image as is_image
from ganvas.images.opening import (
    MAX_PIXELS as MAX_PIXELS,
    Header as Header,
    has_alpha,
    header,
    is_grey,
    opened,
    orient,
)

FITS = ("crop", "pad", "paper")
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

# Antialiased. Scores are stable under this filter (Parmar et al. 2022, arXiv:2104.11222). Lanczos
# is hardly sharper, and rings at the hard edges of logos and text.
_FILTER = Image.Resampling.BICUBIC
# A much larger image is first reduced by a cheaper method, to at least so many times the requested
# size: hardly any difference, and several times as fast (`benchmarks/shrinking.py`).
_GAP = 2


def to_float(images: Any) -> Any:
    """uint8 0..255 -> float32 in [-1, 1]; a NumPy array or a tensor of any shape."""
    if isinstance(images, np.ndarray):
        return images.astype(np.float32) / np.float32(127.5) - np.float32(1)
    import tensorflow as tf

    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_uint8(images: Any) -> np.ndarray:
    """Float in [-1, 1] -> uint8 0..255, rounded and clipped; any shape, a tensor or an array.

    Raises: Diverged when a value is not finite.
    """
    array = np.asarray(images, np.float32)
    if not np.isfinite(array).all():
        raise Diverged("an image has NaN or infinite pixels; finite ones are needed: train again")
    return np.clip(np.rint((array + 1) * 127.5), 0, 255).astype(np.uint8)


def from_range(values: Any, low: float, high: float) -> np.ndarray:
    """Finite numbers from `low` to `high` -> uint8 0..255, rounded and clipped; any shape."""
    scaled = (np.asarray(values, np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def to_png(images: Any) -> Any:
    """A tensor of generated images, floats in [-1, 1], [N, H, W, C] -> PNG files that say so, see
    `provenance`, string [N]; inside a graph. Rounded and clipped as in `to_uint8`."""
    import tensorflow as tf

    pixels = tf.saturate_cast(tf.round((images + 1) * 127.5), tf.uint8)
    files = tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
    head = provenance.PNG_HEAD
    parts = [tf.strings.substr(files, 0, head), tf.strings.substr(files, head, 2**31 - 1)]
    return tf.strings.join([parts[0], provenance.png_chunk(provenance.packet()), parts[1]])


def probe(file: str | Path | bytes) -> Header:
    """Reads only the header. This is cheap, and refuses a file before it is decoded.

    Args:
        file: a path, or the bytes of a file.

    Raises: DataError: the file is no image, has over 100 megapixels or a side under 4 pixels.
    """
    return opened(file, header, pixels=False)


def extent(file: str | Path | bytes) -> Extent | None:
    """The smallest and largest value of an image whose channel has more than 8 bits, else None.

    Raises: DataError: as of `read`.
    """
    return opened(file, lambda image: depth.extent(image) if depth.is_wide(image) else None)


def read(
    file: str | Path | bytes,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    fit: str = "crop",
    levels: Levels = "full",
) -> np.ndarray:
    """Decodes a file: upright by EXIF, the first frame, 16 bits reduced to 8 -> uint8 [H, W, C].

    Args:
        file: a path, or the bytes of a file.
        size: (height, width) in pixels; None keeps the image's own.
        channels: 1 to 4; None keeps the image's own. If alpha is dropped, the image is composed
            over white.
        fit: "crop" fills `size` and cuts the rest, centred; "pad" adds black or transparency;
            "paper" adds the median colour of the border.
        levels: (low, high): the values that become black and white, in images whose channel has
            more than 8 bits; "full": 0 and 65535.

    Raises: DataError: a file that `probe` refuses, or one that is broken or truncated.
    """

    def decode(image: Image.Image) -> np.ndarray:
        if size is not None:
            image.draft(None, (_GAP * max(size), _GAP * max(size)))  # has an effect on JPEGs only
        image.load()
        orient(image)
        return _finish(_plain(image, levels), size, channels, fit)

    return opened(file, decode)


def refit(image: np.ndarray, size: tuple[int, int], channels: int, fit: str = "crop") -> np.ndarray:
    """uint8 [H, W, C] -> [*size, channels], resized as in `read`."""
    if image.shape == (*size, channels):
        return image
    return _finish(_from_array(image), size, channels, fit)


def write_png(
    path: str | Path,
    image: np.ndarray,
    metadata: dict[str, str] | None = None,
    synthetic: bool = False,
) -> None:
    """Writes uint8 [H, W, C] (or [H, W]) with text fields, completely or not at all; a synthetic
    image says so, see `provenance`."""
    _write(Path(path), png(image, metadata, synthetic))


def png(
    image: np.ndarray | Image.Image, metadata: dict[str, str] | None = None, synthetic: bool = False
) -> bytes:
    """The content of the file that `write_png` writes."""
    info = PngInfo()
    if synthetic:
        pixels = image.convert("RGB") if isinstance(image, Image.Image) else image
        identifier = provenance.identifier(np.asarray(pixels))
        info.add_itxt("XML:com.adobe.xmp", provenance.packet(identifier))
    for key, text in (metadata or {}).items():
        info.add_itxt(key, printable(text))
    buffer = io.BytesIO()
    shown = image if isinstance(image, Image.Image) else _from_array(image)
    shown.save(buffer, "png", pnginfo=info)
    content = buffer.getvalue()
    return signing.signed(content, ".png") if synthetic else content


def write_gif(path: str | Path, frames: np.ndarray, seconds: float) -> None:
    """Writes generated frames, uint8 [N, H, W, C], as an endless GIF of about `seconds` in all;
    alpha over white."""
    pages = [over_white(frame) for frame in frames]
    # GIF counts in hundredths of a second, and browsers slow down frames shorter than two of them.
    pause = max(20, round(100 * seconds / len(pages)) * 10)
    buffer = io.BytesIO()
    first, *others = pages
    first.save(
        buffer, "gif", save_all=True, append_images=others, duration=pause, loop=0, comment=MARK
    )
    xmp = provenance.packet(provenance.identifier(frames))
    _write(Path(path), signing.signed(provenance.in_gif(buffer.getvalue(), xmp), ".gif"))


def over_white(image: np.ndarray) -> Image.Image:
    """uint8 [H, W, C] as a grey or colour image of Pillow, without alpha."""
    return _to_channels(_from_array(image), 1 if image.shape[-1] < 3 else 3)


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Arranges images row by row, with white between them and in empty cells.

    Args:
        columns: None: about as many as rows.
        gap: pixels between neighbours.

    Shapes: uint8 [N, H, W, C] -> [R * (H + gap) - gap, columns * (W + gap) - gap, C].
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows, height + gap, columns, width + gap, channels), 255, np.uint8)
    for i, image in enumerate(images):
        sheet[i // columns, :height, i % columns, :width] = image
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap), channels)
    return sheet[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def _plain(image: Image.Image, levels: Levels) -> Image.Image:
    """Any mode -> L, LA, RGB or RGBA."""
    if depth.is_wide(image):
        return Image.fromarray(depth.to_eight(image, levels))
    grey, alpha = is_grey(image), has_alpha(image)
    if grey and alpha and image.mode == "P":  # Pillow has no direct way from P to LA
        image = image.convert("RGBA")
    mode = MODES[(1 if grey else 3) + alpha]
    return image if image.mode == mode else image.convert(mode)  # which would copy


def _finish(
    image: Image.Image, size: tuple[int, int] | None, channels: int | None, fit: str
) -> np.ndarray:
    image = _to_channels(image, channels or len(image.getbands()))
    if size is not None:
        image = _to_size(image, size[1], size[0], fit)
    array = np.asarray(image)
    return array if array.ndim == 3 else array[..., None]


def _to_channels(image: Image.Image, channels: int) -> Image.Image:
    if has_alpha(image) and channels in (1, 3):
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])


def _to_size(image: Image.Image, width: int, height: int, fit: str) -> Image.Image:
    if fit == "crop":  # the box of `ImageOps.fit`, which has no argument for the gap
        across = min(image.width, image.height * width / height)
        down = min(image.height, image.width * height / width)
        left, top = (image.width - across) / 2, (image.height - down) / 2
        box = left, top, left + across, top + down
        return image.resize((width, height), _FILTER, box, _GAP)
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    sheet = Image.new(image.mode, (width, height), _paper(image) if fit == "paper" else 0)
    corner = (width - inner[0]) // 2, (height - inner[1]) // 2
    sheet.paste(image.resize(inner, _FILTER, reducing_gap=_GAP), corner)
    return sheet


def _paper(image: Image.Image) -> tuple[int, ...]:
    """The median of the border's pixels, channel by channel."""
    x = np.asarray(image).reshape(image.height, image.width, -1)
    return tuple(map(int, np.median(np.concatenate([x[0], x[-1], x[:, 0], x[:, -1]]), axis=0)))


def _from_array(image: np.ndarray) -> Image.Image:
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    return Image.fromarray(np.ascontiguousarray(image))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
