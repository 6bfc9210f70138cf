"""Images of a `tf.data.Dataset`, such as `keras.utils.image_dataset_from_directory` returns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from ganvas.data.arrays import from_arrays
from ganvas.data.listing import content_hash
from ganvas.data.memory import limit_of
from ganvas.data.options import Options
from ganvas.data.rows import Rows
from ganvas.data.values import labels_of, meaning, pixels_of, span_of
from ganvas.errors import DataError

WHERE = "the tf.data set"
_KEYS = (("image", "label"), ("images", "labels"))
"""Of elements that are dictionaries."""


@dataclass
class _Taken:
    """What was read: uint8 images, their labels, the smallest and largest value."""

    images: list[np.ndarray] = field(default_factory=list)
    labels: list[np.ndarray] = field(default_factory=list)
    low: float = np.inf
    high: float = -np.inf
    bytes: int = 0


def from_dataset(data: tf.data.Dataset, options: Options) -> Rows:
    """Images in memory, from a finite data set of images or (images, labels), batched or not.

    They are put in the order of their content: a set that is shuffled anew by each pass gives the
    same images, so that a run can be resumed with it.

    Raises: DataError: an unbounded set, one that is larger than `limit_of`, other elements, or
        values whose range is not clear.
    """
    _check_end(data, options)
    taken, kind = _taken(data, options)
    count = len(taken.images)
    labels = np.concatenate(taken.labels) if taken.labels else None
    names = tuple(getattr(data, "class_names", None) or ())
    numbers, names = labels_of(labels if options.labels else None, count, WHERE, names)
    hashes = np.array([content_hash(one.tobytes()) for one in taken.images], np.uint64)
    order = np.lexsort((numbers, hashes))
    images: Any = [taken.images[row] for row in order]
    if len({one.shape for one in images}) == 1:
        images = np.stack(images)
    sentences = [f"{taken.bytes / 2**20:.1f} MiB of a tf.data set, kept in memory"]
    if kind != np.uint8:
        black, white = meaning(kind, taken.low, taken.high, WHERE)
        sentences.append(
            f"{kind} values from {taken.low:g} to {taken.high:g}, read as black = {black:g}, "
            f"white = {white:g}"
        )
    given = numbers[order] if names else None
    return from_arrays(images, given, options, WHERE, names, sentences)


def _check_end(data: tf.data.Dataset, options: Options) -> None:
    """Before anything is read. Raises: DataError: it has no end, or is known to be too large."""
    count = int(data.cardinality())
    if count == tf.data.INFINITE_CARDINALITY:
        raise DataError(
            f"{WHERE} has no end, because it is repeated; one pass over all images is needed: give "
            "it without .repeat(), or .take(n) of it"
        )
    spec = _parts(data.element_spec)[0]
    shape = getattr(spec, "shape", None) or tf.TensorShape(None)
    most = limit_of(options)
    if count > 0 and shape.is_fully_defined() and count * (shape.num_elements() or 0) > most:
        raise _too_large(most)


def _too_large(most: float) -> DataError:
    return DataError(
        f"{WHERE} holds more than {most / 2**30:.2g} GiB of images, the most that are kept in "
        "memory: resize them by .map(...), take fewer by .take(n), set data.cache_gb, or give a "
        "folder of the images"
    )


def _taken(data: tf.data.Dataset, options: Options) -> tuple[_Taken, np.dtype]:
    """All images. The first batch shows what black and white are; if a later one shows that they
    are others, the set is read again."""
    first, _ = next(_batches(data), (None, None))
    if first is None:
        raise DataError(f"{WHERE} is empty: give one of at least two images")
    span = span_of(first) if first.dtype.kind in "biuf" else (0.0, 0.0)
    _refuse_at_once(first, span)
    known = _clear(first.dtype, span)
    if known is None:
        spans = [span_of(images) for images, _ in _batches(data)]
        span = min(low for low, _ in spans), max(high for _, high in spans)
    taken = _read(data, options, span)
    whole = taken.low, taken.high
    if first.dtype != np.uint8 and _clear(first.dtype, whole) != _clear(first.dtype, span):
        meaning(first.dtype, *whole, WHERE)  # refuses what is not clear
        taken = _read(data, options, whole)
    return taken, first.dtype


def _refuse_at_once(first: np.ndarray, span: tuple[float, float]) -> None:
    """Raises: DataError: the first batch can be of no range that is accepted."""
    low, high = span
    if not (low >= -1.001 and high <= 255):  # NaN, too
        meaning(first.dtype, low, high, WHERE)
    pixels_of(first, WHERE, (0.0, 255.0))  # its shape and dtype


def _clear(kind: np.dtype, span: tuple[float, float]) -> tuple[float, float] | None:
    """The values of black and white; None if they are not clear from these."""
    try:
        return meaning(kind, *span, WHERE)
    except DataError:
        return None


def _read(data: tf.data.Dataset, options: Options, span: tuple[float, float]) -> _Taken:
    taken, most = _Taken(), limit_of(options)
    for images, labels in _batches(data):
        low, high = span_of(images)
        taken.low, taken.high = min(taken.low, low), max(taken.high, high)
        if not np.isfinite([low, high]).all():
            meaning(images.dtype, low, high, WHERE)
        pixels, _ = pixels_of(images, WHERE, span)
        taken.images.extend(pixels)
        taken.bytes += pixels.nbytes
        if taken.bytes > most:
            raise _too_large(most)
        if labels is not None:
            taken.labels.append(labels)
    return taken


def _batches(data: tf.data.Dataset) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """One pass: images [B, H, W(, C)] and labels [B, ...]."""
    try:
        for element in data.as_numpy_iterator():
            images, labels = _parts(element)
            if not isinstance(images, np.ndarray) or images.ndim not in (2, 3, 4):
                raise _other(element)
            if images.size == 0:
                continue
            single = images.ndim == 2 or (
                images.ndim == 3 and images.shape[2] <= 4 < min(images.shape[:2])
            )
            labels = None if labels is None else np.asarray(labels)
            if single:
                images = images[None]
                labels = None if labels is None else labels[None]
            yield images, labels
    except (tf.errors.OpError, TypeError) as error:
        why = re.sub(r".*(Iterator::\S+: |\}\} )", "", str(error).strip().splitlines()[0])
        raise DataError(f"{WHERE} cannot be read ({why}): correct its pipeline") from error


def _parts(element: Any) -> tuple[Any, Any]:
    """Images, and labels or None: of a tensor, a tuple, or a dictionary."""
    if isinstance(element, Mapping):
        for image, label in _KEYS:
            if image in element:
                return element[image], element.get(label)
        raise _other(element)
    if isinstance(element, tuple):
        return element[0], element[1] if len(element) > 1 else None
    return element, None


def _other(element: Any) -> DataError:
    form = f"of {', '.join(element)}" if isinstance(element, Mapping) else type(element).__name__
    return DataError(
        f"{WHERE} has elements {form}; images or (images, labels) are accepted, of 1 to 4 channels:"
        " select them by .map(...)"
    )
