"""One class-conditional generator per seed, and its images after the filters."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...base.arrays import open_npz
from ...evaluation.base import Sample
from ...evaluation.copies import copies
from ...evaluation.samples import shrink
from ...sampling import sampler
from ...storage.run import Run
from ...training.train import train_or_resume
from .parts import Material, Part
from .plan import Plan

MOST = 1000  # synthetic images of a rare class that are kept per seed
OTHERS = 200  # of each other class: `synthetic only` needs them
FEW = 10  # if fewer pass a filter, it is not used, and the report notes it
OVERDRAW = 2


@dataclass(frozen=True)
class Pool:
    """Synthetic images of one generator.

    Attributes:
        images: uint8 [M, H, W, C], those kept.
        labels: int64 [M].
        index: int64 [M], the row in `Sampler.sample(..., label, seed)` that each is.
        seed: of their noise.
        counts: per class, {"drawn", "near_copies", "disagreed", "kept", "filters"}.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    seed: int
    counts: dict[str, dict[str, Any]]

    def of(self, label: int) -> np.ndarray:
        return self.images[self.labels == label]


def majority(material: Material, plan: Plan, folder: Path, progress: bool) -> Run:
    """Train the generator of the classes that are not rare, or resume it.

    The generator of each seed begins from it, so that the few images of a rare class only have to
    tell what is different (Wang et al. 2018, arXiv:1805.01677).
    """
    learn = material.learn
    rows = ~np.isin(learn.labels, material.rare)
    return _trained(learn[rows], plan, plan.kimg, plan.seed * 1000 + 999, folder, progress, {})


def generator(train: Part, plan: Plan, seed: int, folder: Path, progress: bool, begun: Run) -> Run:
    """Train the generator of a seed, or resume it; a finished one is left as it is.

    Each class is drawn equally often, under augmentation that does not reach generated images
    (DiffAugment by translation, Zhao et al. 2020, arXiv:2006.10738), so that a rare class gets
    the features that it shares with the others. Of MNIST's "8" from 16 images, 99 % were
    classified as 8 after 128 kimg; with colour and cutout as well, half of them after 64.

    Raises: KeyboardInterrupt: the run was stopped; it is kept, and can be resumed.
    """
    parent = {"parent": str(begun.folder)}
    own = plan.seed * 1000 + seed
    return _trained(train, plan, plan.kimg / 2, own, folder, progress, parent)


def _trained(
    part: Part, plan: Plan, kimg: float, seed: int, folder: Path, progress: bool,
    values: dict[str, Any],
) -> Run:  # fmt: skip
    several = len(np.unique(part.labels)) > 1
    values |= {
        "data.labels": several, "data.balanced": several, "data.holdout": 0.0,
        "data.size": part.images.shape[1:3],
        "augment": {"name": "diff", "policy": "translation"},
        "scores.times": 0, "watch.grids": 4, "watch.loggers": [], "watch.signals": False,
        "train.kimg": kimg, "train.tick_kimg": min(16.0, kimg), "train.seed": seed,
    }  # fmt: skip
    data = (part.images, part.labels)
    run = train_or_resume(data, plan.recipe, folder, {**values, **plan.values}, progress=progress)
    if run.status() != "finished":
        raise KeyboardInterrupt
    return run


def draw(
    run: Run,
    train: Part,
    material: Material,
    plan: Plan,
    seed: int,
    agrees: Callable[[np.ndarray, int], np.ndarray],
) -> Pool:
    """Draws of every class, without near-copies of training images, and without images that a
    classifier of the training fold ranks below nearly all real images of their class.

    Args:
        agrees: images uint8 [N, H, W, C] and a class -> bool [N], see `Featured.passes`.
    """
    source = sampler.load(run, "last")
    noise = plan.seed * 1000 + seed
    training = reduced(train.images)
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    counts: dict[str, dict[str, Any]] = {}
    for label, name in enumerate(material.names):
        most = synthetic_count(material, label) if label in material.rare else OTHERS
        images = source.sample(OVERDRAW * most, label=label, seed=noise, truncation=plan.truncation)
        copy = copies(reduced(images), training)
        agreed = agrees(images, label)
        rows, filters = _filtered(copy, agreed)
        rows = rows[:most]
        kept.append((images[rows], np.full(len(rows), label), rows))
        counts[name] = {
            "drawn": len(images), "near_copies": int(copy.sum()),
            "disagreed": int((~agreed).sum()), "kept": len(rows), "filters": filters,
        }  # fmt: skip
    images, labels, index = (np.concatenate(one) for one in zip(*kept, strict=True))
    return Pool(images, labels.astype(np.int64), index.astype(np.int64), noise, counts)


def _filtered(copy: np.ndarray, agreed: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Rows to keep and the filters that were used: if too few images pass, copies are kept first
    (similar images seem to be copies), then images of another predicted class."""
    for filters, passed in (
        (["copies", "label"], ~copy & agreed),
        (["label"], agreed),
        (["copies"], ~copy),
    ):
        if passed.sum() >= FEW:
            return np.flatnonzero(passed), filters
    return np.arange(len(copy)), []


def synthetic_count(material: Material, label: int) -> int:
    """Number of synthetic images that make a class as large as the largest one, at most `MOST`."""
    sizes = np.bincount(material.learn.labels)
    return int(np.clip(sizes.max() - sizes[label], 64, MOST))


def reduced(images: np.ndarray) -> Sample:
    """Images for the search for copies: at most 32 pixels a side, no features."""
    return Sample.of_pixels(shrink(images))


def packed(pool: Pool) -> bytes:
    """A pool as the bytes of an .npz file."""
    file = io.BytesIO()
    about = np.frombuffer(json.dumps([pool.seed, pool.counts]).encode(), np.uint8)
    np.savez_compressed(file, images=pool.images, labels=pool.labels, index=pool.index, about=about)
    return file.getvalue()


def unpacked(path: Path) -> Pool:
    with open_npz(path) as arrays:
        seed, counts = json.loads(arrays["about"].tobytes())
        return Pool(arrays["images"], arrays["labels"], arrays["index"], seed, counts)
