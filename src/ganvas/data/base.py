"""What every source of images offers, and the options that all of them take."""

from __future__ import annotations

import copy
import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import tensorflow as tf

from ganvas.data.report import FEW, Report
from ganvas.errors import DataError
from ganvas.images import FITS, to_float

MAX_HELD = 5_000
# Small images are handled several batches at a time: a batch of MNIST then costs 0.05 ms, not 0.11.
_PIECE_BYTES = 400_000
_AHEAD = 4  # batches
_WORKERS = os.cpu_count() or 1


@dataclass(frozen=True)
class Options:
    """How images are brought in.

    Args:
        size: side or (height, width) in pixels; None keeps the size that all images share when
            its sides are 16 to 64, else takes the largest power of two within the median short
            side, 16 to 64.
        labels: False ignores classes.
        channels: 1 to 4; None decides by the majority of the images.
        fit: "crop" fills the size and cuts what is over; "pad" shows all and fills with black;
            "paper" with the border's colour.
        holdout: share of the images that is never trained on; at most 5,000, none below 200 images.
        flip: mirrors every other image.
        shift: moves by up to this share of the side, in whole pixels.
        zoom: enlarges by up to this share and crops.
        jitter: strength of random brightness, contrast and saturation.
        balanced: draws each class equally often, however many images it has.
        clusters: groups of alike images to learn by where there are no labels; 0 for none.
        cache_gb: memory for decoded images; None takes a quarter of what is free.
        private: how often each class came is not told: `class_shares` are even.
        judged: the images are to be judged, not learnt from: blank and equal ones are let in.
    """

    size: int | tuple[int, int] | None = None
    labels: bool = True
    channels: int | None = None
    fit: str = "crop"
    holdout: float = 0.05
    flip: bool = False
    shift: float = 0.0
    zoom: float = 0.0
    jitter: float = 0.0
    balanced: bool = False
    clusters: int = 0
    cache_gb: float | None = None
    private: bool = False
    judged: bool = False

    def __post_init__(self) -> None:
        if self.fit not in FITS:
            raise DataError(f"fit is '{self.fit}', where it is {' or '.join(FITS)}")
        if self.channels not in (None, 1, 2, 3, 4):
            raise DataError(f"channels is {self.channels}, where it is 1 to 4: leave it out")
        if self.sides is not None and min(self.sides) < 4:
            raise DataError(f"size is {self.size}, where at least 4 pixels are needed")
        if not 0 <= self.holdout < 1:
            raise DataError(f"holdout is {self.holdout}, where it is a share from 0 to below 1")
        for name, most in (("shift", 1), ("zoom", 10), ("jitter", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise DataError(f"{name} is {getattr(self, name)}, where it is 0 to {most}")

    @property
    def sides(self) -> tuple[int, int] | None:
        """`size` as (height, width)."""
        if self.size is None or isinstance(self.size, int):
            return None if self.size is None else (self.size, self.size)
        height, width = self.size
        return height, width


class Images(ABC):
    """Images of one shape, in training order: the k-th one depends on (seed, k) alone.

    Attributes:
        shape: (height, width, channels).
        classes: how many classes there are; 0 without labels.
        names: class names; empty without labels, and where classes are groups found by us.
        count: images to train on; those held out are not among them.
        places: of a folder, the path of each image (row) within it; else empty.
        report: the checkup's findings.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        hashes: np.ndarray,
        labels: np.ndarray,
        names: tuple[str, ...],
        options: Options,
        report: Report,
    ) -> None:
        """Takes per image (row) a content hash, uint64 [N], and a label, int32 [N]."""
        self.shape = shape
        self.classes = len(names)
        self.names = names
        self.options = options
        self.report = report
        self.hashes = hashes
        self.labels = labels
        self.places: tuple[str, ...] = ()
        self.rows, self._held = split(hashes, options.holdout)
        self.count = len(self.rows)

    @cached_property
    def class_counts(self) -> tuple[int, ...]:
        """Images to train on per class; empty without labels."""
        if not self.classes:
            return ()
        counts = np.bincount(self.labels[self.rows], minlength=self.classes)
        return tuple(int(n) for n in counts)

    @property
    def class_shares(self) -> tuple[float, ...]:
        """How often each class comes in training; empty without labels."""
        counts = self.class_counts
        if self.options.private:  # nor whether it came at all
            counts = (1,) * len(counts)
        elif self.options.balanced:
            counts = tuple(min(n, 1) for n in counts)
        return tuple(n / sum(counts) for n in counts)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of images, labels, their order and the shape they are brought to."""
        digest = hashlib.sha256(repr((self.shape, self.options.fit, self.names)).encode())
        digest.update(self.hashes[self.rows].tobytes())
        digest.update(self.labels[self.rows].tobytes() if self.classes else b"")
        return digest.hexdigest()

    def stream(
        self, batch: int, seed: int, start: int = 0, part: slice | None = None
    ) -> tf.data.Dataset:
        """Shuffled and augmented training images without end.

        Args:
            start: images to leave out; a batch of any size begins anywhere.
            part: which of each batch's images to read; the others are another worker's.

        Returns: float32 [batch, H, W, C] in [-1, 1], with classes (images, int32 [batch]).
        """
        from ganvas.data.augment import augment

        bytes_per_batch = batch * int(np.prod(self.shape))
        several = max(1, _PIECE_BYTES // bytes_per_batch)

        def finish(ks, images, labels):
            images = augment(to_float(images), ks, seed, self.options)
            return (images, labels) if self.classes else images

        # Which images of a piece, by place: those of the part, batch by batch.
        kept = np.arange(batch * several).reshape(several, batch)[:, part or slice(None)]
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

        def finish(images, labels):
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


def split(hashes: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to train on and to hold out: those of the smallest content hashes.

    So the same images are held out in whatever order they come, and equal images (in a folder:
    equal files) are on one side.
    """
    order = np.argsort(hashes, kind="stable")
    count = held_count(hashes[order], share)
    return np.sort(order[count:]), np.sort(order[:count])


def held_count(ascending: np.ndarray, share: float) -> int:
    """How many of the smallest hashes are held out; images equal to a trained one are not."""
    count = min(round(share * len(ascending)), MAX_HELD)
    if len(ascending) < FEW or count == 0:
        return 0
    return int(np.searchsorted(ascending, ascending[count]))


def content_hash(content: bytes) -> int:
    """64 bits that stand for an image: among ten million, a chance collision is 1 in 400,000."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _map(data: tf.data.Dataset, function) -> tf.data.Dataset:
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
