"""Addressed randomness for the order of images: a number for (seed, k, purpose), without a state.

All functions use a block cipher over a range (`RandomIndexShuffle`). Its default of 4 rounds is not
enough: neighbouring k then have a correlation of 0.3, and so have the orders of neighbouring
epochs. With 8 rounds no correlation is measured (tests/unit/test_data.py).
"""

from __future__ import annotations

import zlib

import tensorflow as tf

from ..base.types import Tensor

_ROUNDS = 8
_RANGE = 2**31


def permute(index: Tensor, seed: int, turn: Tensor, count: Tensor, purpose: str) -> Tensor:
    """The image of `index` under the permutation of 0..count-1 of (seed, turn, purpose).

    Shapes: index int64 [B], turn int64 [B] or [] -> int64 [B].
    """
    index = tf.cast(index, tf.int64)
    turn = tf.broadcast_to(tf.cast(turn, tf.int64), tf.shape(index))
    fixed = tf.constant([seed % _RANGE, zlib.crc32(purpose.encode())], tf.int64)
    seeds = tf.stack([tf.fill(tf.shape(index), fixed[0]), turn, tf.fill(tf.shape(index), fixed[1])])
    return tf.raw_ops.RandomIndexShuffle(
        index=index,
        seed=tf.transpose(seeds),
        max_index=tf.cast(count, tf.int64) - 1,
        rounds=_ROUNDS,
    )


def shuffle(ks: Tensor, seed: int, count: int) -> Tensor:
    """The k-th image of an endless stream over `count` images: each epoch has each image once.

    Shapes: ks int64 [B] -> int64 [B] in 0..count-1.
    """
    return permute(ks % count, seed, ks // count, count, "order")


def balanced(ks: Tensor, seed: int, counts: Tensor) -> Tensor:
    """The k-th image of an endless stream in which each round has each class once, in a new order;
    within a class, each image comes once before any comes again.

    Args:
        counts: images per class, int64 [C], all above 0.

    Shapes: ks int64 [B] -> int64 [B], places in a list of the images sorted by class.
    """
    classes = tf.size(counts, out_type=tf.int64)
    rounds = ks // classes
    chosen = permute(ks % classes, seed, rounds, classes, "class")
    count = tf.gather(counts, chosen)
    # Each class has its own turns; else classes of equal size would have equal permutations.
    turn = rounds // count * classes + chosen
    within = permute(rounds % count, seed, turn, count, "order")
    return tf.gather(tf.cumsum(counts, exclusive=True), chosen) + within


def uniform(ks: Tensor, seed: int, purpose: str) -> Tensor:
    """A number in [0, 1) for each k; the numbers of each purpose differ.

    Shapes: ks int64 [B] -> float32 [B].
    """
    bits = permute(ks % _RANGE, seed, ks // _RANGE, _RANGE, purpose)
    return tf.cast(bits // 2**7, tf.float32) / 2**24  # the 24 bits that a float32 can hold
