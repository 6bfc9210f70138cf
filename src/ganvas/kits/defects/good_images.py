"""Reading images from a folder, a file or an array, and splitting the good ones by their use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import images as pictures
from ...data import Options, load
from ...data.parallel import mapped
from ...errors import DataError, UsageError
from .early import (
    FEWEST,
    check_alpha as check_alpha,
    fewest as fewest,
    files,
    images_folder,
    is_image,
    labelled,
    needed as needed,
    one_size,
    other_size,
    shares,
)

CHUNK = 64
"""Files that are decoded at a time."""


class Named(NamedTuple):
    """uint8 [N, H, W, C], and the path of each."""

    pixels: np.ndarray
    paths: list[str]


class Good(NamedTuple):
    """Good images, uint8 [N, H, W, C], the levels with which they were read, and the name of each
    one's class; none without classes."""

    pixels: np.ndarray
    levels: pictures.Levels
    classes: list[str]


class Split(NamedTuple):
    """Row numbers of good images, no two parts sharing one.

    Attributes:
        learn: the GAN and the encoder are trained, and the densities fitted, on them.
        scale: they determine mean and spread of each part of a score.
        calibrate: they turn scores into p-values, and have no other use.
    """

    learn: np.ndarray
    scale: np.ndarray
    calibrate: np.ndarray


def read_good(
    data: Any,
    size: tuple[int, int] | None = None,
    *,
    all_good: bool = False,
    **options: Any,
) -> Good:
    """Good images to fit a detector on.

    Args:
        size: (height, width) to resize them to; None: they all have one size, which stays.
        all_good: classes are accepted, since every one of them is good.
        options: others of `ganvas.data.Options`.

    Raises: DataError: no images, several sizes, or labels.
    """
    most = pictures.MAX_PIXELS
    if size is not None and size[0] * size[1] > most:
        raise UsageError(
            f"size must have at most {most // 10**6} megapixels, got {size[0]}x{size[1]}"
        )
    source = load(data, Options(size=size or _size(data), holdout=0.0, **options))
    if source.classes and not all_good:
        raise DataError(labelled(_name(data), source.names))
    rows = np.arange(source.count)
    names = [str(source.names[i]) for i in source.labels[rows]] if source.classes else []
    return Good(source.pixels(rows), source.levels, names)


def read(
    data: Any,
    shape: tuple[int, int, int] | None = None,
    levels: pictures.Levels = "full",
) -> Named:
    """Images to be scored, all at once; see `chunks`."""
    found = list(chunks(data, CHUNK, shape, levels))
    return Named(np.concatenate([one.pixels for one in found]),
                 [path for one in found for path in one.paths])  # fmt: skip


def count_of(data: Any) -> int:
    """How many images there are; 0: it is known when they are read."""
    return len(_paths(data) or ())


def chunks(
    data: Any,
    count: int,
    shape: tuple[int, int, int] | None = None,
    levels: pictures.Levels = "full",
) -> Iterator[Named]:
    """Images to be scored, never resized, `count` at a time: so many files are in memory.

    Args:
        shape: of the images a model was fitted on, [H, W, C]. A grey model gets colour images in
            grey.
        levels: with which these images were read.

    Raises: DataError: no images, one cannot be read, or another size.
    """
    name, paths = _name(data), _paths(data)
    if paths is None:
        pixels = _array(data)
        if shape is not None and pixels.shape[1:] != shape:
            raise DataError(other_size(name, pixels.shape[1:], shape))
        for start in range(0, len(pixels), count):
            some = pixels[start : start + count]
            yield Named(some, [f"{name}[{row}]" for row in range(start, start + len(some))])
        return
    channels = None if shape is None else shape[2]
    decode = partial(pictures.read, channels=channels, levels=levels)
    for start in range(0, len(paths), count):
        part = paths[start : start + count]
        found = list(mapped(decode, part))
        shape = shape or found[0].shape
        for path, image in zip(part, found, strict=True):
            if image.shape != shape:
                raise DataError(other_size(str(path), image.shape, shape))
        yield Named(np.stack(found), [str(path) for path in part])


def _paths(data: Any) -> list[Path] | None:
    """Image files; None: arrays."""
    if folder := images_folder(data):
        return files(folder)
    if isinstance(data, (str, os.PathLike)) and is_image(Path(data)):
        return [Path(data)]
    return None


def split(count: int, alpha: float, seed: int, least: int = FEWEST) -> Split:
    """Split good images: a quarter for calibration (at most 1,000, or as many as alpha needs), an
    eighth for scaling, the rest for training, at least `least`.

    Raises: DataError: too few to train on, or to guarantee alpha.
    """
    learn, scale, _ = shares(count, alpha, least)
    order = np.random.Generator(np.random.Philox(seed)).permutation(count)
    parts = np.split(order, [learn, learn + scale])
    return Split(*(np.sort(part) for part in parts))


def _size(data: Any) -> tuple[int, int]:
    """The one size of images. Raises: DataError: there are several."""
    if folder := images_folder(data):
        return one_size(data, files(folder))
    height, width = _array(data).shape[1:3]
    return height, width


def _array(data: Any) -> np.ndarray:
    """uint8 [N, H, W, C] from whatever `ganvas.data.load` takes, at its own size."""
    if not isinstance(data, np.ndarray):
        options = Options(holdout=0.0, judged=True, labels=False)
        source = load(data, options)
        height, width = source.report.sizes["most_common"]
        if (height, width) != source.shape[:2]:  # `load` reduces large images by default
            source = load(data, replace(options, size=(height, width)))
        return source.pixels(np.arange(source.count))
    array = data[..., None] if data.ndim == 3 else data
    if array.dtype != np.uint8 or array.ndim != 4 or not len(array):
        raise DataError(
            "images must be uint8 of shape [N, H, W] or [N, H, W, C], got "
            f"{data.dtype} of shape {list(data.shape)}: convert them"
        )
    return array


def _name(data: Any) -> str:
    return os.fspath(data) if isinstance(data, (str, os.PathLike)) else "the array"
