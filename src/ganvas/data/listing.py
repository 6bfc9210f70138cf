"""A set of images without their pixels. Needs no TensorFlow."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from ganvas.data.findings import FEW, Report
from ganvas.data.options import Options
from ganvas.images import Levels

MAX_HELD = 5_000


class Listing:
    """A list of images of one shape, divided into training and held-out images.

    Attributes:
        shape: (height, width, channels).
        classes: number of classes; 0 without labels.
        names: class names; empty without labels, and if classes are groups found by clustering.
        count: number of images to train on, without held-out images.
        places: of a folder, the path of each image (row) within it; else empty.
        report: the report of the check.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        hashes: np.ndarray,
        labels: np.ndarray,
        names: tuple[str, ...],
        options: Options,
        report: Report,
        places: tuple[str, ...] = (),
    ) -> None:
        """Takes per image (row) a content hash, uint64 [N], and a label, int32 [N]."""
        self.shape = shape
        self.classes = len(names)
        self.names = names
        self.options = options
        self.report = report
        self.hashes = hashes
        self.labels = labels
        self.places = places
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
    def levels(self) -> Levels:
        """The levels that were applied: "full", or (low, high). See `Options.levels`."""
        return "full" if self.options.levels == "auto" else self.options.levels

    @property
    def class_shares(self) -> tuple[float, ...]:
        """The share of each class in training; empty without labels."""
        counts = self.class_counts
        if self.options.private:  # also of classes without images: their absence is private
            counts = (1,) * len(counts)
        elif self.options.balanced:
            counts = tuple(min(n, 1) for n in counts)
        return tuple(n / sum(counts) for n in counts)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of images, labels, their order and their shape after reading."""
        form: tuple[object, ...] = (self.shape, self.options.fit, self.names)
        if self.levels != "full":
            form = *form, tuple(map(float, self.levels))
        digest = hashlib.sha256(repr(form).encode())
        digest.update(self.hashes[self.rows].tobytes())
        digest.update(self.labels[self.rows].tobytes() if self.classes else b"")
        return digest.hexdigest()


def split(hashes: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for training, and of held-out images: those with the smallest content hashes.

    So the same images are held out in any order of the images, and images with equal hashes are in
    one part.
    """
    order = np.argsort(hashes, kind="stable")
    count = held_count(hashes[order], share)
    return np.sort(order[count:]), np.sort(order[:count])


def held_count(ascending: np.ndarray, share: float) -> int:
    """The number of smallest hashes to hold out; images equal to a training image are not."""
    count = min(round(share * len(ascending)), MAX_HELD)
    if len(ascending) < FEW or count == 0:
        return 0
    return int(np.searchsorted(ascending, ascending[count]))


def alike(hashes: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Hashes of files, uint64 [N] -> the same, but of files with equal pixels the smallest one.

    Args:
        pixels: hashes of the decoded pixels, uint64 [N].
    """
    _, number = np.unique(pixels, return_inverse=True)
    smallest = np.full(number.max(initial=-1) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, number, hashes)
    return smallest[number]


def content_hash(content: bytes) -> int:
    """A 64-bit hash of an image: P(a collision among ten million) = 1 in 400,000."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
