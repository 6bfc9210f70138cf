"""Images as an inspector has them: a folder, a file, an array; and what becomes of good ones."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import images as pictures
from ...data import Options, load
from ...errors import DataError, UsageError

FEWEST = 40
"""Good images to learn from; besides, those that calibrate."""


class Named(NamedTuple):
    """uint8 [N, H, W, C], and where each came from."""

    pixels: np.ndarray
    paths: list[str]


class Split(NamedTuple):
    """Row numbers of good images, no two parts sharing one.

    Attributes:
        learn: the GAN, the encoder and the densities see them.
        scale: they say how large each part of a score usually is.
        calibrate: they turn scores into p-values, and are used for nothing else.
    """

    learn: np.ndarray
    scale: np.ndarray
    calibrate: np.ndarray


def read_good(
    data: Any, size: tuple[int, int] | None = None, *, all_good: bool = False
) -> np.ndarray:
    """Good images, uint8 [N, H, W, C].

    Args:
        size: (height, width) to bring them to; None: they all have one size, which stays.
        all_good: classes are let in, since every one of them is good.

    Raises: DataError: nothing there, several sizes, or labels.
    """
    most = pictures.MAX_PIXELS
    if size is not None and size[0] * size[1] > most:
        raise UsageError(
            f"size {size[0]}x{size[1]}: images have {most // 10**6} megapixels at most"
        )
    options = Options(size=size or _size(data), holdout=0.0)
    source = load(data, options)
    if source.classes and not all_good:
        raise DataError(
            f"{_name(data)} has labels ({', '.join(map(str, source.names[:4]))}"
            f"{' ...' if source.classes > 4 else ''}), where only good images are learnt from and "
            "no label is read: give the folder of good ones, or --all-good if all of them are"
        )
    return source.pixels(np.arange(source.count))


def read(data: Any, shape: tuple[int, int, int] | None = None) -> Named:
    """Images to be scored, as they are: never brought to another size.

    Args:
        shape: what a model was fitted on, [H, W, C]. Colour is made grey for a grey model.

    Raises: DataError: nothing there, one cannot be read, or another size.
    """
    word = _name(data)
    if isinstance(data, (str, os.PathLike)) and Path(data).is_dir():
        paths = files(Path(data))
    elif isinstance(data, (str, os.PathLike)) and Path(data).suffix.lower() in pictures.SUFFIXES:
        paths = [Path(data)]
    else:
        pixels = _array(data)
        if shape is not None and pixels.shape[1:] != shape:
            raise DataError(_other(word, pixels.shape[1:], shape))
        return Named(pixels, [f"{word}[{row}]" for row in range(len(pixels))])
    channels = None if shape is None else shape[2]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda path: pictures.read(path, channels=channels), paths))
    shape = shape or found[0].shape
    for path, image in zip(paths, found, strict=True):
        if image.shape != shape:
            raise DataError(_other(str(path), image.shape, shape))
    return Named(np.stack(found), [str(path) for path in paths])


def files(folder: Path) -> list[Path]:
    """Image files below a folder, by name. Raises: DataError: none."""
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in pictures.SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    if not found:
        raise DataError(
            f"{folder} holds no image, where PNG, JPEG, BMP, GIF, WebP and TIFF files are taken: "
            "give a folder of images"
        )
    return found


def needed(alpha: float) -> int:
    """Images without which no p-value can be as small as alpha: 1 / (n + 1) <= alpha.

    Raises: UsageError: no share.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha = {alpha:g}: a false-alarm rate lies above 0 and below 1")
    return int(np.ceil(1 / alpha - 1 - 1e-9))


def promise(alpha: float, count: int) -> None:
    """Raises: UsageError: `count` calibration images cannot promise this false-alarm rate."""
    if count < needed(alpha):
        raise UsageError(
            f"alpha = {alpha:g} cannot be promised by {count} calibration images, it takes "
            f"{needed(alpha)}: fit with {fewest(alpha)} good images or more, or ask for "
            f"{1 / (count + 1):.3g} or more"
        )


def fewest(alpha: float) -> int:
    """Good images, in all, that `split` deals out for an alpha."""
    return next(n for n in itertools.count(needed(alpha)) if min(_shares(n, alpha)[:2]) > 0)


def split(count: int, alpha: float, seed: int) -> Split:
    """Deal good images out: a quarter calibrates (at most 1,000), an eighth scales, the rest
    learns; more calibrate where alpha takes more.

    Raises: DataError: too few to learn from, or to promise alpha.
    """
    learn, scale, calibrate = _shares(count, alpha)
    if not learn:
        raise DataError(
            f"{count} good images are too few for alpha = {alpha:g}, of which {calibrate} only "
            f"calibrate: give {fewest(alpha)} or more"
        )
    order = np.random.Generator(np.random.Philox(seed)).permutation(count)
    parts = np.split(order, [learn, learn + scale])
    return Split(*(np.sort(part) for part in parts))


def _shares(count: int, alpha: float) -> tuple[int, int, int]:
    """How many learn (0: too few), scale and calibrate."""
    calibrate = max(min(1000, count // 4), needed(alpha))
    scale = max(8, min(500, count // 8))
    learn = count - calibrate - scale
    return (learn if learn >= max(FEWEST, count // 3) else 0), scale, calibrate


def _size(data: Any) -> tuple[int, int]:
    """The one size of images. Raises: DataError: there are several."""
    if isinstance(data, (str, os.PathLike)) and Path(data).is_dir():
        headers = [pictures.probe(path) for path in files(Path(data))]
        sizes = Counter((one.height, one.width) for one in headers)
        if len(sizes) > 1:
            (h, w), _ = sizes.most_common(1)[0]
            raise DataError(
                f"the images in {data} have {len(sizes)} sizes (mostly {h}×{w} px), where all "
                f"have one: crop them alike, or bring them to one with --size {h}x{w}"
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
        if (height, width) != source.shape[:2]:  # `load` makes large images small unless told
            source = load(data, replace(options, size=(height, width)))
        return source.pixels(np.arange(source.count))
    array = data[..., None] if data.ndim == 3 else data
    if array.dtype != np.uint8 or array.ndim != 4 or not len(array):
        raise DataError(
            f"images are {data.dtype} of shape {list(data.shape)}, where uint8 [N, H, W] or "
            "[N, H, W, C] is taken: convert them"
        )
    return array


def _name(data: Any) -> str:
    return os.fspath(data) if isinstance(data, (str, os.PathLike)) else "the array"


def _other(word: str, got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    sides = ["×".join(map(str, one[:2])) + f" px, {one[2]} channel(s)" for one in (got, wanted)]
    return (
        f"{word} has {sides[0]}, where this model was fitted on {sides[1]}: crop or scale it as "
        "the good images were"
    )
