"""Images that can be read one by one: kept in memory if they fit, else read each time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ganvas.base.seeds import fold
from ganvas.base.types import Tensor
from ganvas.data.augment import augment
from ganvas.data.base import Images, _map, _ready
from ganvas.data.order import balanced, shuffle
from ganvas.data.parallel import mapped
from ganvas.images import to_float

_FAR = 2**31
_MANY = 64  # images from which on several threads decode


class Remembered:
    """Images that are kept in memory from when they are first read. The checkup has not decoded
    them, because it knows their files.

    Args:
        read: row number -> uint8 [H, W, C].
        pixels: uint8 [N, H, W, C], filled where `decoded`, bool [N], is true.
    """

    def __init__(
        self, read: Callable[[int], np.ndarray], pixels: np.ndarray, decoded: np.ndarray
    ) -> None:
        self._read, self._pixels, self._decoded = read, pixels, decoded

    def __call__(self, row: int) -> np.ndarray:
        """Several threads may read one row: they write the same."""
        if not self._decoded[row]:
            self._pixels[row] = self._read(row)
            self._decoded[row] = True
        return self._pixels[row]

    def several(self, rows: np.ndarray) -> np.ndarray:
        """int64 [B] -> uint8 [B, H, W, C]."""
        missing = rows[~self._decoded[rows]].tolist()
        for _ in (mapped if len(missing) >= _MANY else map)(self, missing):
            pass
        return self._pixels[rows]


class Rows(Images):
    """Images by row number.

    Args:
        read: row number -> uint8 [H, W, C]; called from several threads.
        pixels: uint8 [N, H, W, C] if all are in memory.
        facts: as for `Listing`.
    """

    def __init__(
        self,
        read: Callable[[int], np.ndarray],
        pixels: np.ndarray | None,
        **facts: Any,
    ) -> None:
        super().__init__(**facts)
        self._read = read
        with tf.device("CPU:0"):  # the pipeline runs on it
            self._pixels = None if pixels is None else tf.constant(pixels)

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """int64 [B] -> uint8 [B, H, W, C]."""
        if self._pixels is not None:
            return tf.gather(self._pixels, rows).numpy()
        if isinstance(self._read, Remembered):
            return self._read.several(rows)
        return np.stack([self._read(int(row)) for row in rows])

    def _pieces(self, seed: int, start: int, size: int, kept: np.ndarray) -> tf.data.Dataset:
        fetch = self._fetcher()
        even = self.options.balanced and self.classes > 0
        if even:
            counts = tf.constant(self._present(), tf.int64)
            by_class = tf.constant(np.argsort(self.labels[self.rows], kind="stable"), tf.int64)

        def piece(first: Tensor) -> tuple[Tensor, ...]:
            ks = first + tf.constant(kept, tf.int64)
            if even:
                return ks, *fetch(tf.gather(by_class, balanced(ks, seed, counts)))
            return ks, *fetch(shuffle(ks, seed, self.count))

        return _map(tf.data.Dataset.counter(start, size), piece)

    def poisson(self, rate: float, turns: int, seed: int, start: int = 0) -> tf.data.Dataset:
        """Poisson samples: each image is included independently, by the address (seed, step, turn).

        Args:
            rate: the probability, at most 0.5; rounded down to 32 bits.
            turns: number of samples in a step, one after the other.
            start: number of steps to skip.

        Returns: {"images" float32 [N, H, W, C], "labels" int32 [N], "turn" int32 [N], "included"
            float32 [N]}; the last row of each turn is a filler, with included = 0.
        """
        fetch = self._fetcher()
        below = tf.constant(math.floor(rate * 2**32), tf.uint32)

        def step(number: Tensor) -> Tensor:
            drawn, turn, included = [], [], []
            for one in range(turns):
                key = fold(seed, "poisson", number // _FAR, number % _FAR, one)
                bits = tf.random.stateless_uniform(
                    [self.count], key, None, None, tf.uint32, alg="philox"
                )
                index = tf.where(bits < below)[:, 0]
                drawn.append(tf.concat([index, [0]], 0))
                turn.append(tf.fill(tf.shape(drawn[-1]), one))
                included.append(tf.concat([tf.ones_like(index, tf.float32), [0.0]], 0))
            index, turn = tf.concat(drawn, 0), tf.concat(turn, 0)
            images, labels = fetch(index)
            ks = (number * turns + tf.cast(turn, tf.int64)) * self.count + index
            return {
                "images": augment(to_float(images), ks, seed, self.options),
                "labels": labels, "turn": turn, "included": tf.concat(included, 0),
            }  # fmt: skip

        return _ready(_map(tf.data.Dataset.counter(start), step))

    def _present(self) -> list[int]:
        """Number of images of each class, without empty classes."""
        return [count for count in self.class_counts if count]

    def _pass(self, size: int) -> tf.data.Dataset:
        return _map(tf.data.Dataset.range(self.count).batch(size), self._fetcher())

    def _fetcher(self) -> Callable[[Tensor], tuple[Tensor, ...]]:
        """A function: index int64 [B] among `self.rows` -> images uint8, labels int32."""
        with tf.device("CPU:0"):
            rows = tf.constant(self.rows, tf.int64)
            labels = tf.constant(self.labels[self.rows], tf.int32)

        def fetch(index: Tensor) -> tuple[Tensor, ...]:
            chosen = tf.gather(rows, index)
            if self._pixels is not None:
                images = tf.gather(self._pixels, chosen)
            else:
                read = tf.autograph.experimental.do_not_convert(self.pixels)
                images = tf.numpy_function(read, [chosen], tf.uint8, stateful=False)
                images = tf.ensure_shape(images, (index.shape[0], *self.shape))
            return images, tf.gather(labels, index)

        return fetch
