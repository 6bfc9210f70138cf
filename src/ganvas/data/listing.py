"""A set of images without their pixels. Needs no TensorFlow."""

from __future__ import annotations

import copy
import hashlib
from functools import cached_property
from typing import Self

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
        hashes: of each image (row), uint64 [N]; equal for equal images.
        file_hashes: of the content of its file.
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
        file_hashes: np.ndarray | None = None,
    ) -> None:
        """Takes per image (row) a content hash, uint64 [N], and a label, int32 [N]."""
        self.shape = shape
        self.classes = len(names)
        self.names = names
        self.options = options
        self.report = report
        self.hashes = hashes
        self.file_hashes = hashes if file_hashes is None else file_hashes
        self.labels = labels
        self.places = places
        kinds = labels if names else None
        self.rows, self._held = split(hashes, options.holdout, kinds)
        self.count = len(self.rows)

    def held_out_by(self, hashes: np.ndarray) -> Self:
        """A copy whose held-out images are chosen by these hashes, uint64 [N], without regard to
        classes, and which has no groups."""
        other = copy.copy(self)
        other.__dict__.pop("fingerprint", None)
        other.__dict__.pop("class_counts", None)
        other.hashes, other.labels = hashes, self.labels.copy()
        other.classes = len(self.names)
        other.rows, other._held = split(hashes, self.options.holdout)
        other.count = len(other.rows)
        return other

    @property
    def held_count(self) -> int:
        """Number of images that are never used for training."""
        return len(self._held)

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


def split(
    hashes: np.ndarray, share: float, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for training, and of held-out images: those with the smallest content hashes.

    So the same images are held out in any order of the images, and images with equal hashes are in
    one part. With labels, each class keeps at least one image for training, and holds
    one out where it can, as long as the holdout does not double.
    """
    order = np.argsort(hashes, kind="stable")
    count = held_count(hashes[order], share)
    if labels is None or not count:
        return np.sort(order[count:]), np.sort(order[:count])
    held = np.zeros(len(hashes), bool)
    held[order[:count]] = True
    _spare(held, hashes, labels)
    _share_out(held, hashes, labels, room=count)
    return np.flatnonzero(~held), np.flatnonzero(held)


def _spare(held: np.ndarray, hashes: np.ndarray, labels: np.ndarray) -> None:
    """Give each class that has lost all its images one of them back, with its equals."""
    trained = np.bincount(labels[~held], minlength=labels.max() + 1)
    for label in np.flatnonzero((trained == 0) & (np.bincount(labels) > 0)):
        largest = hashes[labels == label].max()
        held[hashes == largest] = False


def _share_out(held: np.ndarray, hashes: np.ndarray, labels: np.ndarray, room: int) -> None:
    """Hold one image out, with its equals, of each class that has none held out and keeps one for
    training; of large classes first, until `room` is used."""
    sizes = np.bincount(labels)
    without = np.flatnonzero((np.bincount(labels[held], minlength=len(sizes)) == 0) & (sizes > 1))
    for label in sorted(without.tolist(), key=lambda label: -sizes[label]):
        if not room:
            break
        equal = np.flatnonzero(hashes == hashes[labels == label].min())
        if len(equal) > room:
            continue
        kept = np.bincount(labels[~held], minlength=len(sizes))
        taken = np.bincount(labels[equal], minlength=len(sizes))
        if (kept[taken > 0] > taken[taken > 0]).all():
            held[equal] = True
            room -= len(equal)


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
