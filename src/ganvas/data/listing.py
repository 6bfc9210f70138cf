"""What is known of a set of images besides their pixels. Needs no TensorFlow."""

from __future__ import annotations

import hashlib
from functools import cached_property

import numpy as np

from ganvas.data.findings import FEW, Report
from ganvas.data.options import Options

MAX_HELD = 5_000


class Listing:
    """Which images of one shape there are, and which of them are trained on.

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
