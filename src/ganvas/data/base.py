"""The interface of every source of images."""

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

# Small images are read several batches at a time: a batch of MNIST then costs 0.05 ms, not 0.11.
_PIECE_BYTES = 400_000
_AHEAD = 4  # batches
_WORKERS = os.cpu_count() or 1


class Images(Listing, ABC):
    """Images of one shape, in training order: the k-th image depends only on (seed, k).

    The attributes of `Listing` describe them: `shape`, `classes`, `names`, `count`, `places`,
    `report`.
    """

    def stream(
        self, batch: int, seed: int, start: int = 0, part: np.ndarray | None = None
    ) -> tf.data.Dataset:
        """An endless data set of shuffled and augmented training images.

        Args:
            start: number of images to skip; any number is accepted.
            part: indices within each batch of the images to read, int [K], in this order; other
                workers read the rest. None: all, K = batch.

        Returns: float32 [K, H, W, C] in [-1, 1], with classes (images, int32 [K]).
        """
        from ganvas.data.augment import augment

        bytes_per_batch = batch * int(np.prod(self.shape))
        several = max(1, _PIECE_BYTES // bytes_per_batch)

        def finish(ks: Tensor, images: Tensor, labels: Tensor) -> Tensor:
            images = augment(to_float(images), ks, seed, self.options)
            return (images, labels) if self.classes else images

        # Indices within a piece of the images to read: those of the part, batch by batch.
        kept = np.arange(batch * several).reshape(several, batch)
        kept = kept if part is None else kept[:, part]
        data = _map(self._pieces(seed, start, batch * several, kept.ravel()), finish)
        if several > 1:
            data = data.rebatch(kept.shape[1], drop_remainder=True)
        return _ready(data)

    def poisson(self, rate: float, turns: int, seed: int, start: int = 0) -> tf.data.Dataset:
        """An endless data set of Poisson samples, of random size, for differentially private
        training.

        Raises: DataError: images that are read in blocks, so that none can be drawn by itself.
        """
        raise DataError(
            "differentially private training cannot use shards, because it samples single images: "
            "give the folder or file from which the shards were made"
        )

    def all(self, batch: int) -> tf.data.Dataset:
        """One pass over the training images in a fixed order, unaugmented.

        Returns: elements as in `stream`; the last batch may be smaller.
        """

        def finish(images: Tensor, labels: Tensor) -> Tensor:
            return (to_float(images), labels) if self.classes else to_float(images)

        return _ready(_map(self._pass(batch), finish))

    def held_out(self) -> Images | None:
        """The images that are never used for training, as a source; they are never augmented."""
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
        """Turn TensorFlow's error for an image that cannot be read during training into a DataError
        that names the image."""
        try:
            yield
        except tf.errors.OpError as error:
            message = self._message(error)
            if message is None:
                raise
            raise DataError(message) from error

    def _message(self, error: tf.errors.OpError) -> str | None:
        """The message of a DataError that was raised inside the pipeline."""
        found = re.search(r"DataError: (.+)", str(error))
        return found.group(1) if found else None

    @abstractmethod
    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Row numbers int64 [B] -> uint8 [B, H, W, C]."""

    @abstractmethod
    def _pieces(self, seed: int, start: int, size: int, kept: np.ndarray) -> tf.data.Dataset:
        """An endless data set of pieces of `size` images, of which those at the indices `kept`, int
        [K], are read: (ks int64 [K], images uint8 [K, H, W, C], labels int32 [K])."""

    @abstractmethod
    def _pass(self, size: int) -> tf.data.Dataset:
        """Each row of `self.rows` once: (images uint8 [<=size, H, W, C], labels int32)."""


def _map(data: tf.data.Dataset, function: Any) -> tf.data.Dataset:
    function = tf.autograph.experimental.do_not_convert(function)
    return data.map(function, num_parallel_calls=_WORKERS, deterministic=True)


def _ready(data: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # The thread of autotune sleeps longer and longer, and an iterator only ends when it wakes: a
    # run of 45 seconds would wait for another 37 at its end.
    options.autotune.enabled = False
    # All workers read one stream; with sharding by files the k-th image would be another one.
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return data.prefetch(_AHEAD).with_options(options)
