"""Protection without other training: leave near-copies out; split by person beforehand."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...base.files import disk_errors, filling, replacing, write_json
from ...base.names import file_name
from ...data import Images, Options
from ...data.sources import called, load as load_images
from ...errors import DataError, Refused, UsageError
from ...evaluation.samples import shrink
from ...images import write_png
from ...sampling.sampler import Sampler
from . import copying
from .case import MOST, training_images

NEAR = copying.LEFT_OUT
_DRAWN = 512
_TRIES = 20


class Rejecting:
    """A sampler that leaves out what nearly copies a training image.

    It compares pixels, at nine shifts and mirrored; a copy of a face in another pose passes. It
    does not change the generator, which can still draw the copies. The selection depends on the
    training images, so that a formal bound on the generator does not cover the selected images.

    Args:
        sampler: the generator.
        train: uint8 [N, h, w, C], at most 32 pixels a side.
        near: a fake is left out if its nearest training image is at most this share as far away as
            the next ten are; `evaluate` calls 0.4 a near-copy.

    Attributes:
        left_out: number of images left out so far.
    """

    def __init__(self, sampler: Sampler, train: np.ndarray, near: float = NEAR):
        if not 0 < near < 1:
            raise UsageError(f"near must be above 0 and below 1, got {near}")
        self.sampler, self.train, self.near = sampler, train, near
        self.left_out = 0

    def sample(self, n: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray | None]:
        """Images uint8 [n, H, W, C], and their labels [n] where there are any.

        Raises: Refused: nearly all that is drawn are copies.
        """
        kept: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        count = 0
        for attempt in range(_TRIES + n // 64):
            noise = self.sampler.noise(_DRAWN, _seed(seed, attempt))
            label = self.sampler.labels(_DRAWN, None, _seed(seed, attempt))
            images = self.sampler.decode(noise, label)
            good = copying.in_pixels(shrink(images), self.train).ratios > self.near
            take = np.flatnonzero(good)[: n - count]
            tried = int(take[-1]) + 1 if len(take) == n - count and len(take) else len(good)
            self.left_out += tried - len(take)
            kept.append(images[take])
            labels += [] if label is None else [label[take]]
            count += len(take)
            if count >= n:
                done = None if label is None else np.concatenate(labels)
                return np.concatenate(kept), done
        raise Refused(
            f"of {_DRAWN * (_TRIES + n // 64)} images all but {count} nearly copy training images: "
            "train on more images, for a shorter time, or with [privacy]"
        )


@dataclass(frozen=True)
class Delivery:
    """Images that `deliver` wrote.

    Attributes:
        delivered, left_out: number of images written, and of near-copies left out.
        near, seed: as given.
        compared_with: number of training images they were compared with.
        sha256: of the pixels of all images.
    """

    delivered: int
    left_out: int
    near: float
    seed: int
    compared_with: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; also in delivery.json."""
        return asdict(self)


def deliver(
    run: Any,
    out: str | os.PathLike[str],
    train: Any = None,
    *,
    n: int = 64,
    near: float = NEAR,
    seed: int = 0,
    model: str = "best",
) -> Delivery:
    """Draw images into a new folder, without near-copies of training images; into a folder for each
    class, if there are classes. The folder appears when it is complete.

    Args:
        run: a run.
        train: its training images; None: those that its recipe names.
        n: number of images.
        near: see `Rejecting`.
        model: which model of the run.

    Raises: UsageError, Refused.
    """
    folder = Path(out)
    check_free(folder)
    sampler, source = training_images(run, train, model)
    rows = source.rows[np.random.default_rng([seed, 4]).permutation(source.count)[:MOST]]
    small = np.concatenate(
        [shrink(source.pixels(rows[i : i + 1000])) for i in range(0, len(rows), 1000)]
    )
    rejecting = Rejecting(sampler, small, near)
    images, labels = rejecting.sample(n, seed)
    delivery = Delivery(
        delivered=len(images), left_out=rejecting.left_out, near=near, seed=seed,
        compared_with=len(small), sha256=hashlib.sha256(images.tobytes()).hexdigest(),
    )  # fmt: skip
    with filling(folder) as part:
        for i, image in enumerate(images):
            place = part
            if labels is not None and len(sampler.names):
                place = part / file_name(sampler.names[int(labels[i])], sampler.names)
            place.mkdir(exist_ok=True)
            path = place / f"{i:06d}.png"
            write_png(path, image, {"Software": "ganvas", "Synthetic": "yes"}, synthetic=True)
        write_json(part / "delivery.json", delivery.to_dict())
    return delivery


def check_free(folder: Path) -> None:
    """Raises UsageError: the folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder: choose another --out")


@dataclass(frozen=True)
class SplitPart:
    """Number of images and of people."""

    images: int
    people: int


@dataclass(frozen=True)
class IdentitySplit:
    """The two parts that `split` wrote."""

    holdout: SplitPart
    train: SplitPart

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def split(
    data: Any,
    to: str | os.PathLike[str],
    *,
    share: float = 0.5,
    size: int | None = None,
    seed: int = 0,
) -> IdentitySplit:
    """Split images that are sorted by person into DIR/train.npz and DIR/holdout.npz.

    Args:
        data: images whose classes are the people.
        to: DIR.
        share: of the people, to hold out.
        size: side in pixels.

    Raises: DataError: no people are named, or a part would be empty.
    """
    if not 0 < share < 1:
        raise UsageError(f"share must be above 0 and below 1, got {share}")
    source: Images = load_images(data, Options(size=size, holdout=0))
    count = round(share * source.classes)
    if not 0 < count < source.classes:
        raise DataError(
            f"{called(data)} must have at least one person for each part, got {source.classes} "
            "people: sort the images into a folder for each person"
        )
    order = np.random.default_rng([seed, 61]).permutation(source.classes)
    folder, parts = Path(to), {}
    taken = [name for name in ("train.npz", "holdout.npz") if (folder / name).exists()]
    if taken:
        raise UsageError(f"{folder / taken[0]} exists already: choose another --to")
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, people in (("holdout", order[:count]), ("train", order[count:])):
        rows = source.rows[np.isin(source.labels[source.rows], people)]
        who = np.array(source.names)[source.labels[rows]]
        with replacing(folder / f"{name}.npz") as file:
            np.savez(file, x=source.pixels(rows), y=who)
        parts[name] = SplitPart(len(rows), len(people))
    return IdentitySplit(**parts)


def _seed(seed: int, attempt: int) -> int:
    return seed + 1_000_003 * attempt
