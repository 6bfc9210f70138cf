"""Arrays of weights in other shapes, so that a network computes the same, or nearly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])
"""Of grey from RGB: ITU-R BT.601, as images are converted."""
OPAQUE = 2.0
"""Bias of a new alpha channel: tanh(2) = 0.96 is nearly opaque."""


def channels(
    array: np.ndarray, axis: int, size: int, side: str, random: np.random.Generator
) -> np.ndarray | None:
    """Another number of channels: each is split into several that add up to it. Unequal shares, or
    the parts would stay equal for ever. A further input, the similarity of the batch, is the last
    channel: added with zeros, or left out.

    Args:
        side: "out": the channels that a layer gives; "in": those that it takes.

    Returns: None where the channels cannot be split.
    """
    given = array.shape[axis]
    if given == size:
        return array
    if size % given == 0 and given > 4:
        parts = size // given
        split = np.repeat(array, parts, axis)
        if side == "out":
            return split
        shares = random.uniform(0.5, 1.5, (given, parts))
        shares /= shares.sum(1, keepdims=True)
        return split * _along(shares.reshape(-1), axis, array.ndim)
    if side == "out":
        return None
    body, last = np.split(array, [given - 1], axis)
    if given == size + 1:
        return body
    if size > 1 and (size - 1) % given == 0 and given > 4:
        added = channels(array, axis, size - 1, side, random)
        return None if added is None else np.concatenate([added, 0 * last], axis)
    if given > 5 and (size - 1) % (given - 1) == 0:
        split_body = channels(body, axis, size - 1, side, random)
        return None if split_body is None else np.concatenate([split_body, last], axis)
    return None


def colours(array: np.ndarray, axis: int, size: int, side: str, bias: bool = False) -> np.ndarray:
    """Another number of colour channels, 1 (grey), 2 (with alpha), 3 (RGB) or 4 (RGBA).

    Grey becomes three equal colours, and colours become their grey; a new alpha is opaque, and has
    no effect on a discriminator.
    """
    array = np.moveaxis(array, axis, -1)
    given = array.shape[-1]
    colour, alpha = np.split(array, [3 if given > 2 else 1], -1)
    wanted = 3 if size > 2 else 1
    if colour.shape[-1] < wanted:
        colour = np.repeat(colour, 3, -1) / (1 if side == "out" else 3)
    elif colour.shape[-1] > wanted:
        weights = LUMA if side == "out" else np.ones(3)
        colour = np.sum(colour * weights, -1, keepdims=True)
    if size - wanted and not alpha.shape[-1]:
        alpha = np.full((*array.shape[:-1], 1), OPAQUE if bias else 0.0)
    parts = [colour, alpha] if size - wanted else [colour]
    return np.moveaxis(np.concatenate(parts, -1), -1, axis)


def resampled(array: np.ndarray, axis: int, size: Sequence[int], total: bool) -> np.ndarray:
    """Axes `axis` and `axis + 1` interpolated to `size`, as pixels that cover the same area.

    Args:
        total: multiply so that the sum over a constant map stays the same.
    """
    for number, length in enumerate(size):
        given = array.shape[axis + number]
        if given == length:
            continue
        matrix = _interpolation(given, length) * (given / length if total else 1)
        array = np.moveaxis(
            np.tensordot(matrix, np.moveaxis(array, axis + number, 0), 1), 0, axis + number
        )
    return array


def classes_of(
    array: np.ndarray, shape: tuple[int, ...], rows: Sequence[int | None] | None
) -> np.ndarray | None:
    """A table of classes [K, D], or one vector [D] for all, in another number of classes.

    Args:
        rows: for each new class the old one, or None; None: the first ones are the same.
    """
    if array.shape[-1] != shape[-1]:
        return None
    if len(shape) == 1:
        return array.mean(0)
    if array.ndim == 1:
        return np.tile(array, (shape[0], 1))
    known = range(len(array))
    rows = rows if rows is not None else [n if n in known else None for n in range(shape[0])]
    mean = array.mean(0)
    return np.stack([mean if row is None else array[row] for row in rows])


def _along(values: np.ndarray, axis: int, rank: int) -> np.ndarray:
    shape = [1] * rank
    shape[axis] = len(values)
    return values.reshape(shape)


def _interpolation(given: int, length: int) -> np.ndarray:
    """[length, given]: linear interpolation between the centres of pixels."""
    centres = (np.arange(length) + 0.5) * given / length - 0.5
    return np.stack([np.interp(centres, np.arange(given), row) for row in np.eye(given)], axis=1)
