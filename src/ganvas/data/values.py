"""Arrays of a user: pixels of any common range to uint8, labels of any common form to numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DataError
from ..images import from_range

_CHUNK = 4096  # images
_WORDS = (str, bytes, int, np.integer, np.bool_)
_DARK = 32  # floats that end between 1 and this may be of another range than 0 to 255


def pixels_of(
    pixels: Any, where: str, span: tuple[float, float] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Images of one size -> uint8 [N, H, W, C], and sentences about what was understood.

    Floats from 0 to 1, from -1 to 1 and from 0 to 255 are told apart by their smallest and largest
    value; whole numbers must be from 0 to 255.

    Args:
        span: the smallest and largest value, if these images are some of many.

    Raises: DataError: another shape or range, or a single image.
    """
    pixels = pixels if isinstance(pixels, np.memmap) else np.asarray(pixels)
    _check_shape(pixels, where)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if pixels.dtype == np.uint8:
        return pixels, []
    if pixels.dtype.kind not in "biuf":
        raise DataError(
            f"{where} has dtype {pixels.dtype}; images are numbers: give an array of uint8, or a "
            "list of images"
        )
    low, high = span or span_of(pixels)
    ends = meaning(pixels.dtype, low, high, where)
    made = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _CHUNK):
        made[start : start + _CHUNK] = from_range(pixels[start : start + _CHUNK], *ends)
    meant = f"black = {ends[0]:g}, white = {ends[1]:g}"
    return made, [f"{pixels.dtype} values from {low:g} to {high:g}, read as {meant}"]


def _check_shape(pixels: np.ndarray, where: str) -> None:
    shape = list(pixels.shape)
    if pixels.dtype == object:
        raise DataError(
            f"{where} is an array of Python objects; images of one size as an array of numbers are "
            "accepted: give a list of images, which may have several sizes"
        )
    if pixels.ndim == 2 or (pixels.ndim == 3 and shape[2] <= 4 and min(shape[:2]) > 4):
        raise DataError(
            f"{where} has shape {shape}, which is one image; a GAN needs many: give [N, H, W, C]"
        )
    if pixels.ndim == 4 and shape[1] <= 4 < min(shape[2:]):
        raise DataError(
            f"{where} has shape {shape}, with the channels first; they must be last: give "
            "x.transpose(0, 2, 3, 1)"
        )
    channels = shape[3] if pixels.ndim == 4 else 1
    if pixels.ndim not in (3, 4) or not 1 <= channels <= 4 or not pixels.size:
        raise DataError(
            f"{where} has shape {shape}; [N, H, W] and [N, H, W, C] with 1 to 4 channels are "
            "accepted: transpose or reshape it"
        )


def span_of(pixels: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest value; NaN if there is one."""
    parts = [pixels[start : start + _CHUNK] for start in range(0, len(pixels), _CHUNK)]
    return float(min(part.min() for part in parts)), float(max(part.max() for part in parts))


def meaning(dtype: np.dtype, low: float, high: float, where: str) -> tuple[float, float]:
    """The values that mean black and white."""
    near = 1e-6
    if dtype.kind == "b":
        return 0.0, 1.0
    whole = dtype.kind in "iu"
    if low >= 0 and 1 < high <= 255 and (whole or high >= _DARK):
        return 0.0, 255.0
    if not whole and low >= 0 and 0 < high <= 1 + near:
        return 0.0, 1.0
    if not whole and -1 - near <= low <= -0.5 and high <= 1 + near:
        return -1.0, 1.0
    if not np.isfinite([low, high]).all():
        raise DataError(
            f"{where} has values that are NaN or infinite; images have finite ones: replace them"
        )
    raise DataError(
        f"{where} has {dtype} values from {low:g} to {high:g}, whose range is not clear; floats "
        "from 0 to 1, -1 to 1 or 0 to 255, and whole numbers from 0 to 255 are accepted: scale it"
    )


def labels_of(
    labels: Any, count: int, where: str, names: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as 0 .. classes - 1 with a name each; zeros and no names without labels.

    Args:
        labels: whole numbers or words, [N], [N, 1], or one-hot [N, classes]; None: no labels.
        names: of the numbers, if they are known.

    Raises: DataError: another form, or another number of labels than of images.
    """
    if labels is None:
        return np.zeros(count, np.int32), ()
    _refuse_missing(labels, where)
    try:
        values = _flat(np.asarray(labels), count, where)
    except ValueError as error:
        raise DataError(
            f"the labels of {where} are lists of several lengths; one integer or word for each of "
            f"the {count} images is needed: choose one label for each"
        ) from error
    found, numbers = np.unique(values, return_inverse=True)
    if names and found.dtype.kind in "iu" and found.min() >= 0 and found.max() < len(names):
        return values.astype(np.int32), tuple(names)
    return numbers.reshape(-1).astype(np.int32), tuple(str(value) for value in found)


def _refuse_missing(labels: Any, where: str) -> None:
    """Before NumPy makes a word of them: np.asarray(["cat", nan]) has the class "nan"."""
    if (
        not isinstance(labels, (list, tuple))
        and getattr(getattr(labels, "dtype", None), "kind", "") != "O"
    ):
        return
    missing = [number for number, label in enumerate(labels) if _is_missing(label)]
    if missing:
        raise DataError(
            f"{len(missing)} of the {len(labels)} labels of {where} are missing (None or NaN), "
            f"such as number {missing[0]}; all images need one: leave these images out, or label "
            "them"
        )


def _is_missing(label: Any) -> bool:
    if isinstance(label, float):
        return label != label
    return label is None or type(label).__name__ in ("NAType", "NaTType")  # of pandas


def _flat(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """One whole number or word for each image."""
    if labels.ndim == 2 and len(labels) == count and labels.shape[1] > 1 and _one_hot(labels):
        return labels.argmax(axis=1)
    values: Any = labels.reshape(-1) if labels.size == count else np.zeros(0)
    if values.dtype.kind == "O":
        kinds = {type(value) for value in values.tolist()}
        words = all(isinstance(value, _WORDS) for value in values.tolist())
        values = np.array([str(value) for value in values]) if words and len(kinds) == 1 else values
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "f" and len(values) and _are_whole(values):
        values = values.astype(np.int64)
    if values.dtype.kind not in "iubU":
        raise DataError(
            f"the labels of {where} are {labels.dtype} of shape {list(labels.shape)}; one integer "
            f"or word for each of the {count} images is needed: correct or remove them"
        )
    if not _is_text(values):
        raise DataError(f"the labels of {where} hold texts that are not Unicode: write them again")
    return values


def _are_whole(values: np.ndarray) -> bool:
    """Whether floats, of which some may not be finite, are whole numbers."""
    return bool((np.abs(values) < 2**53).all()) and not (values % 1).any()


def _is_text(labels: np.ndarray) -> bool:
    """False for texts in UTF-32 with other numbers, of which NumPy makes strings that break."""
    if labels.dtype.kind != "U" or not labels.dtype.itemsize:
        return True
    native = np.ascontiguousarray(labels, labels.dtype.newbyteorder("="))
    return bool(native.view(np.uint32).max() <= sys.maxunicode)


def _one_hot(labels: np.ndarray) -> bool:
    if labels.dtype.kind not in "biuf":
        return False
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())
