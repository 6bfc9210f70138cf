"""Addressed randomness: every random number has an address, so that resuming is exact.

There is no global generator. The random numbers of a step depend only on the run's seed, the step
and the purpose: a resumed run draws the same numbers as an uninterrupted one.
"""

from __future__ import annotations

import zlib

import tensorflow as tf


def fold(seed: int | tf.Tensor, *address: int | str | tf.Tensor) -> tf.Tensor:
    """The stateless seed that belongs to an address such as `(seed, step, "noise")`.

    Args:
        seed: the run's seed, a Python int (62 bits are used) or an integer tensor.
        address: strings and integers (tensors too); the order matters.

    Returns: int32 [2], for the `seed` argument of `tf.random.stateless_*`.
    """
    if isinstance(seed, int):
        low, high = seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF
        key = tf.constant([low, high], tf.int32)
    else:
        key = tf.stack([tf.cast(seed, tf.int32), 0])
    for part in address:
        number = zlib.crc32(part.encode()) & 0x7FFFFFFF if isinstance(part, str) else part
        key = tf.random.experimental.stateless_fold_in(key, tf.cast(number, tf.int32))
    return key


def normal(shape: tuple[int, ...], seed: tf.Tensor) -> tf.Tensor:
    """Standard normal noise; the algorithm is fixed, because "auto" depends on the device."""
    return tf.random.stateless_normal(shape, seed, alg="philox")
