"""Sheets of images for people: enlarged by whole factors, with the names of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ganvas.base.printing import on_one_line
from ganvas.images import grid

WIDTH = 600
"""Pixels; about as wide as this is a sheet of small images."""
TEXT = 13
"""Pixels; size of the font."""
LINE = TEXT + 5
MARGIN = 6
LONGEST = 160
"""Most pixels of a name beside a row."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def factor(width: int, least: int = WIDTH) -> int:
    """The whole factor that makes this width about `least` pixels or more; 1: it is so already."""
    return max(1, math.ceil(0.9 * least / width))


def enlarged(images: np.ndarray, times: int) -> np.ndarray:
    """Each pixel becomes a square: uint8 [..., H, W, C] -> [..., times * H, times * W, C]."""
    return images.repeat(times, axis=-3).repeat(times, axis=-2)


def sheet(
    images: np.ndarray,
    columns: int | None = None,
    captions: Sequence[str] = (),
    rows: Sequence[str] = (),
) -> np.ndarray:
    """A grid that people can read.

    Args:
        images: uint8 [N, H, W, C].
        columns: None: about as many as rows.
        captions: a name below each image; empty: none.
        rows: a name beside each row; empty: none.

    Returns: uint8 [H', W', C], at least about `WIDTH` pixels wide.
    """
    count, _, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    times = factor(columns * (width + 2) - 2)
    images = enlarged(images, times)
    if captions:
        strips = [strip(name, images.shape[2], channels) for name in captions]
        images = np.concatenate([images, np.stack(strips)], axis=1)
    made = grid(images, columns, 2 * times)
    return np.concatenate([_beside(rows, images.shape[1], 2 * times, made), made], axis=1)


def side_by_side(films: np.ndarray, columns: int) -> np.ndarray:
    """Several films as one: uint8 [frames, cells, H, W, C] -> [frames, H', W', C]."""
    return np.stack([grid(cells, columns) for cells in films])


def strip(name: str, width: int, channels: int, align: str = "middle") -> np.ndarray:
    """A name in black on white, shortened to the width: uint8 [LINE, width, channels]."""
    picture = Image.new("L", (width, LINE), 255)
    font = _font()
    text = _fitting(on_one_line(name), width, font)
    space = width - font.getlength(text)
    left = space / 2 if align == "middle" else space
    ImageDraw.Draw(picture).text((max(0, left), 1), text, 0, font)
    return _with_channels(np.asarray(picture), channels)


def named(label: int, names: Sequence[str]) -> str:
    """The name of a class; its number, if the font lacks a letter of the name."""
    return names[label] if _drawable(names[label]) else str(label)


def _beside(rows: Sequence[str], height: int, gap: int, made: np.ndarray) -> np.ndarray:
    """The names of rows, right-aligned: uint8 [H', W, C]; without names W is 0."""
    column = np.full((made.shape[0], 0, made.shape[2]), 255, np.uint8)
    if not rows:
        return column
    font = _font()
    width = min(LONGEST, math.ceil(max(font.getlength(name) for name in rows)))
    column = np.full((made.shape[0], width + 2 * MARGIN, made.shape[2]), 255, np.uint8)
    for number, name in enumerate(rows):
        top = number * (height + gap) + max(0, (height - LINE) // 2)
        drawn = strip(name, width, made.shape[2], "right")[: len(column) - top]
        column[top : top + len(drawn), MARGIN : MARGIN + width] = drawn
    return column


def _font() -> Font:
    return ImageFont.load_default(TEXT)


def _drawable(name: str) -> bool:
    """Whether the font has all letters: it draws those that it lacks all in the same way."""
    font = _font()
    lacking = bytes(font.getmask("\uffff"))
    return all(letter.isspace() or bytes(font.getmask(letter)) != lacking for letter in name)


def _fitting(text: str, width: int, font: Font) -> str:
    while text and font.getlength(text) > width:
        text = text.rstrip("…")[:-1] + "…" if len(text.rstrip("…")) > 1 else ""
    return text


def _with_channels(grey: np.ndarray, channels: int) -> np.ndarray:
    """Grey, or colour with the same values; opaque."""
    colours = np.repeat(grey[..., None], 1 if channels < 3 else 3, axis=2)
    opaque = np.full((*grey.shape, 1), 255, np.uint8)
    return colours if channels in (1, 3) else np.concatenate([colours, opaque], axis=2)
