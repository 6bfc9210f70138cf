"""Reading images from a folder, a file or an array, and splitting the good ones by their use."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import images as pictures
from ...data import Options, load
from ...data.archives import located, unpacked
from ...data.parallel import mapped
from ...data.walk import find
from ...errors import DataError, UsageError

FEWEST = 40
"""Least number of good images to train on; images for calibration come on top."""


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
        raise DataError(
            f"{_name(data)} has labels ({', '.join(map(str, source.names[:4]))}"
            f"{' ...' if source.classes > 4 else ''}), but only good images without labels are "
            "accepted: give the folder of good ones, or --all-good if every class is good"
        )
    rows = np.arange(source.count)
    names = [str(source.names[i]) for i in source.labels[rows]] if source.classes else []
    return Good(source.pixels(rows), source.levels, names)


def read(
    data: Any,
    shape: tuple[int, int, int] | None = None,
    levels: pictures.Levels = "full",
) -> Named:
    """Images to be scored, never resized.

    Args:
        shape: of the images a model was fitted on, [H, W, C]. A grey model gets colour images in
            grey.
        levels: with which these images were read.

    Raises: DataError: no images, one cannot be read, or another size.
    """
    name = _name(data)
    if folder := _folder(data):
        paths = files(folder)
    elif isinstance(data, (str, os.PathLike)) and _is_image(Path(data)):
        paths = [Path(data)]
    else:
        pixels = _array(data)
        if shape is not None and pixels.shape[1:] != shape:
            raise DataError(_other(name, pixels.shape[1:], shape))
        return Named(pixels, [f"{name}[{row}]" for row in range(len(pixels))])
    channels = None if shape is None else shape[2]
    found = list(mapped(partial(pictures.read, channels=channels, levels=levels), paths))
    shape = shape or found[0].shape
    for path, image in zip(paths, found, strict=True):
        if image.shape != shape:
            raise DataError(_other(str(path), image.shape, shape))
    return Named(np.stack(found), [str(path) for path in paths])


def files(folder: Path) -> list[Path]:
    """Image files below a folder, by name. Raises: DataError: none."""
    found = find(folder).paths
    if not found:
        raise DataError(
            f"{folder} contains no image: give a folder of PNG, JPEG, TIFF or other image files"
        )
    return [Path(path) for path in found]


def _folder(data: Any) -> Path | None:
    """The folder that is given, or that of an archive's images."""
    if not isinstance(data, (str, os.PathLike)):
        return None
    path = Path(data)
    if archive := located(path):
        file, within = archive
        path = unpacked(file).folder / within
    return path if path.is_dir() else None


def _is_image(path: Path) -> bool:
    # A missing file is an image by its suffix: the error then names it.
    return pictures.is_image(path) if path.suffix or path.is_file() else False


def needed(alpha: float) -> int:
    """The least n for which a p-value can be as small as alpha: 1 / (n + 1) <= alpha.

    Raises: UsageError: alpha is not a share.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must be above 0 and below 1, got {alpha:g}")
    return int(np.ceil(1 / alpha - 1 - 1e-9))


def check_alpha(alpha: float, count: int) -> None:
    """Raises: UsageError: `count` calibration images cannot guarantee this false-alarm rate."""
    if count < needed(alpha):
        raise UsageError(
            f"alpha = {alpha:g} needs at least {needed(alpha)} calibration images, got {count}: "
            f"fit with at least {fewest(alpha)} good images, or set alpha to at "
            f"least {1 / (count + 1):.3g}"
        )


def fewest(alpha: float) -> int:
    """The least number of good images that `split` accepts for an alpha."""
    return next(n for n in itertools.count(needed(alpha)) if min(_shares(n, alpha)[:2]) > 0)


def split(count: int, alpha: float, seed: int) -> Split:
    """Split good images: a quarter for calibration (at most 1,000, or as many as alpha needs), an
    eighth for scaling, the rest for training.

    Raises: DataError: too few to train on, or to guarantee alpha.
    """
    learn, scale, _ = _shares(count, alpha)
    if not learn:
        least = fewest(alpha)
        raise DataError(
            f"alpha = {alpha:g} needs at least {least} good images ({_shares(least, alpha)[2]} of "
            f"them only for calibration), got {count}: give more, or increase alpha"
        )
    order = np.random.Generator(np.random.Philox(seed)).permutation(count)
    parts = np.split(order, [learn, learn + scale])
    return Split(*(np.sort(part) for part in parts))


def _shares(count: int, alpha: float) -> tuple[int, int, int]:
    """How many are for training (0: too few), scaling and calibration."""
    calibrate = max(min(1000, count // 4), needed(alpha))
    scale = max(8, min(500, count // 8))
    learn = count - calibrate - scale
    return (learn if learn >= max(FEWEST, count // 3) else 0), scale, calibrate


def _size(data: Any) -> tuple[int, int]:
    """The one size of images. Raises: DataError: there are several."""
    if folder := _folder(data):
        headers = [pictures.probe(path) for path in files(folder)]
        sizes = Counter((one.height, one.width) for one in headers)
        if len(sizes) > 1:
            (h, w), _ = sizes.most_common(1)[0]
            raise DataError(
                f"the images in {data} must have one size, got {len(sizes)} (mostly {h}×{w} px): "
                f"crop them to one size, or resize them with --size {h}x{w}"
            )
        return next(iter(sizes))
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


def _other(name: str, got: tuple[int, ...], expected: tuple[int, ...]) -> str:
    sides = ["×".join(map(str, one[:2])) + f" px, {one[2]} channel(s)" for one in (got, expected)]
    return (
        f"{name} has {sides[0]}, but this model was fitted on {sides[1]}: crop or scale it like "
        "the good images"
    )
