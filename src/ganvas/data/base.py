"""What every source of images offers."""

from __future__ import annotations

import copy
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from ganvas.base.types import Tensor
from ganvas.data.listing import Listing
from ganvas.errors import DataError
from ganvas.images import to_float

# Small images are handled several batches at a time: a batch of MNIST then costs 0.05 ms, not 0.11.
_PIECE_BYTES = 400_000
_AHEAD = 4  # batches
_WORKERS = os.cpu_count() or 1


class Images(Listing, ABC):
    """Images of one shape, in training order: the k-th one depends on (seed, k) alone.

    What there is, is told by the attributes of `Listing`: `shape`, `classes`, `names`, `count`,
    `places`, `report`.
    """

    def stream(
        self, batch: int, seed: int, start: int = 0, part: np.ndarray | None = None
    ) -> tf.data.Dataset:
        """Shuffled and augmented training images without end.

        Args:
            start: images to leave out; a batch of any size begins anywhere.
            part: places in each batch, int [K]: what to read, in this order; the other images are
                another worker's. None: all, K = batch.

        Returns: float32 [K, H, W, C] in [-1, 1], with classes (images, int32 [K]).
        """
        from ganvas.data.augment import augment

        bytes_per_batch = batch * int(np.prod(self.shape))
        several = max(1, _PIECE_BYTES // bytes_per_batch)

        def finish(ks: Tensor, images: Tensor, labels: Tensor) -> Tensor:
            images = augment(to_float(images), ks, seed, self.options)
            return (images, labels) if self.classes else images

        # Which images of a piece, by place: those of the part, batch by batch.
        kept = np.arange(batch * several).reshape(several, batch)
        kept = kept if part is None else kept[:, part]
        data = _map(self._pieces(seed, start, batch * several, kept.ravel()), finish)
        if several > 1:
            data = data.rebatch(kept.shape[1], drop_remainder=True)
        return _ready(data)

    def poisson(self, rate: float, turns: int, seed: int, start: int = 0) -> tf.data.Dataset:
        """Training images in samples of chance size, without end: what a private game learns from.

        Raises: DataError: images that come in blocks, of which no single one can be drawn.
        """
        raise DataError(
            "these images come in blocks, where a private game draws each by itself: give the "
            "folder or the file that the shards were made of"
        )

    def all(self, batch: int) -> tf.data.Dataset:
        """One pass over the training images in a fixed order, unaugmented.

        Returns: what `stream` gives; the last batch may be smaller.
        """

        def finish(images: Tensor, labels: Tensor) -> Tensor:
            return (to_float(images), labels) if self.classes else to_float(images)

        return _ready(_map(self._pass(batch), finish))

    def held_out(self) -> Images | None:
        """The images that are never trained on, as a source of their own, never augmented."""
        if not len(self._held):
            return None
        part = copy.copy(self)
        part.__dict__.pop("fingerprint", None)
        part.__dict__.pop("class_counts", None)
        part.rows, part._held = self._held, self._held[:0]
        part.count = len(part.rows)
        part.options = replace(self.options, flip=False, shift=0.0, zoom=0.0, jitter=0.0)
        return part

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns what TensorFlow raises when an image breaks mid-run into a DataError naming it."""
        try:
            yield
        except tf.errors.OpError as error:
            sentence = self._explain(error)
            if sentence is None:
                raise
            raise DataError(sentence) from error

    def _explain(self, error: tf.errors.OpError) -> str | None:
        """The sentence of a DataError that was raised inside the pipeline."""
        found = re.search(r"DataError: (.+)", str(error))
        return found.group(1) if found else None

    @abstractmethod
    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Row numbers int64 [B] -> uint8 [B, H, W, C]."""

    @abstractmethod
    def _pieces(self, seed: int, start: int, size: int, kept: np.ndarray) -> tf.data.Dataset:
        """Endless pieces of `size` images, of which those at the places `kept`, int [K], are
        read: (ks int64 [K], images uint8 [K, H, W, C], labels int32 [K])."""

    @abstractmethod
    def _pass(self, size: int) -> tf.data.Dataset:
        """Each row of `self.rows` once: (images uint8 [<=size, H, W, C], labels int32)."""


def _map(data: tf.data.Dataset, function: Any) -> tf.data.Dataset:
    function = tf.autograph.experimental.do_not_convert(function)
    return data.map(function, num_parallel_calls=_WORKERS, deterministic=True)


def _ready(data: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # Its thread sleeps for ever longer, and an iterator only ends when it wakes: a run of 45
    # seconds would be held up for another 37 before it says that it is done.
    options.autotune.enabled = False
    # Workers take turns over one stream; dealing out shard files would change the k-th image.
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return data.prefetch(_AHEAD).with_options(options)
