"""The user's images in two parts that share no image and no group: training part and test part."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import data as sources
from ...base.arrays import open_npz
from ...data import tables
from ...data.generated import size_of
from ...errors import DataError, UsageError, no_such
from . import groups as grouping
from .checks import check, check_fold, check_memory
from .part import Part as Part
from .plan import FOLDS, Plan


@dataclass(frozen=True)
class Material:
    """The data of a study.

    Attributes:
        learn: for training and validation folds.
        test: used once, for the verdict.
        external: other images (another site, stain or device), judged beside the test; or None.
        names: of the classes.
        rare: numbers of the rare ones.
        grouped: whether units are the user's groups.
        tested_by: the origin of the test part, as text.
        fingerprint: of all images and labels.
        notes: warnings of the checkup.
    """

    learn: Part
    test: Part
    names: tuple[str, ...]
    rare: tuple[int, ...]
    grouped: bool
    tested_by: str
    fingerprint: str
    notes: tuple[str, ...] = ()
    external: Part | None = None


def gather(
    data: Any,
    plan: Plan,
    *,
    test: Any = None,
    groups: str | os.PathLike[str] | None = None,
    test_groups: str | os.PathLike[str] | None = None,
    external: Any = None,
) -> Material:
    """Read, check and split the images.

    Args:
        data: as of `ganvas.train`, with classes.
        test: as `data`; None: the official test part, or else a share of `data`, set aside.
        groups: CSV of `path,group` for `data`; for arrays, path is the row.
        test_groups: the same for a test part that is separate from `data`.
        external: as `test`; every image is a unit of its own.

    Raises: DataError: data with which no verdict is valid.
    """
    apart = official(data) if test is None else test
    if test_groups and (apart is None or not groups):
        raise UsageError(
            "--test-groups needs --groups and a separate test part: give --groups, and --test if "
            "the data have no test part, or omit it"
        )
    images = _load(data, plan)
    names = images.names
    rare = _rare(plan.rare, names)
    whole = _part(images, tables.read(groups, "group") if groups else None)
    if apart is None:
        fold = deal(whole, len(names), max(2, round(1 / plan.test_share)), plan.seed)
        learn, locked = whole[fold > 0], whole[fold == 0]
        by = f"{len(locked):,} images of the data, set aside in whole groups"
    else:
        learn = whole
        locked, by = _tested(apart, images, plan, groups, test_groups, whole)
    check(learn, locked, names, rare)
    for seed in range(plan.seeds):
        check_fold(learn, validates(learn, len(names), plan.seed, seed), names)
    check_memory(plan.resolved(max(learn.images.shape[1:3])), learn.images.shape[1:])
    beside = _external(external, images, plan, learn, rare)
    fingerprint = _digest(learn, locked, *([beside] if beside else []))
    notes = tuple(note for note in images.report.warnings if "unreadable" in note)
    return Material(learn, locked, names, rare, groups is not None, by, fingerprint, notes, beside)


def official(data: Any) -> str | None:
    """The test part of a source, if there is one."""
    if not isinstance(data, (str, os.PathLike)):
        return None
    source = os.fspath(data)
    name, colon, part = source.rpartition(":")
    if source in ("mnist", "mnist:train"):
        return "mnist:test"
    if source.startswith("keras:") and source.count(":") == 1:
        return f"{source}:test"
    file = name if colon and part == "train" else source
    if file.endswith(".npz") and Path(file).is_file():
        with open_npz(Path(file)) as arrays:
            if {"x_test", "test_images"} & set(arrays.files):
                return f"{file}:test"
    return None


def deal(part: Part, classes: int, folds: int, seed: int) -> np.ndarray:
    """A fold for each image, int64 [N], whole units together, each class spread evenly.

    Units are assigned, those of the rarest class and then the largest first, to the fold that has
    the least of their classes so far.
    """
    _, unit = np.unique(part.units, return_inverse=True)
    count = np.zeros((unit.max() + 1, classes), int)
    np.add.at(count, (unit, part.labels), 1)
    total = count.sum(axis=0)
    rarest = np.where(count > 0, total, total.max() + 1).argmin(axis=1)
    rng = np.random.Generator(np.random.Philox([seed, 3]))
    shuffled = rng.permutation(len(count))
    order = shuffled[np.lexsort((-count.sum(1)[shuffled], total[rarest[shuffled]]))]
    filled, fold = np.zeros((folds, classes), int), np.empty(len(count), np.int64)
    for one in order:
        held = np.flatnonzero(count[one])
        own = (filled[:, held] / total[held]).sum(axis=1)
        fold[one] = np.lexsort((rng.random(folds), filled.sum(axis=1), own))[0]
        filled[fold[one]] += count[one]
    return fold[unit]


def folds_of(learn: Part, classes: int) -> int:
    """Number of validation folds: each class must have a unit inside and outside of each."""
    return min(FOLDS, *(len(np.unique(learn.units[learn.labels == c])) for c in range(classes)))


def validates(learn: Part, classes: int, deals: int, seed: int) -> np.ndarray:
    """The validation images of a seed, bool [N]; the others are for training.

    Five seeds use the five folds of one split, so that every image is validated once; the next five
    use another split.

    Args:
        deals: the number of the first split.
    """
    folds = folds_of(learn, classes)
    return deal(learn, classes, folds, deals + seed // folds) == seed % folds


def _load(data: Any, plan: Plan) -> sources.Images:
    options = sources.Options(size=plan.size, holdout=0.0, judged=True)
    images = sources.load(data, options)
    if images.classes < 2:
        raise DataError(
            "the images must have a rare class and at least one other, got "
            f"{images.classes or 'no'} class{'es' * (images.classes != 1)}: sort them into "
            "sub-folders, or give labels"
        )
    if plan.size is None:
        size_of(images, data, "give the side for resizing, such as --size 64")
    return images


def _part(images: sources.Images, table: dict[str, str] | None) -> Part:
    pixels = images.pixels(images.rows)
    places = images.places or tuple(str(row) for row in range(len(pixels)))
    equal = {image.tobytes(): row for row, image in reversed(list(enumerate(pixels)))}
    alike = np.array([equal[image.tobytes()] for image in pixels])
    units = alike if table is None else grouping.units(places, table, alike)
    return Part(pixels, images.labels[images.rows].astype(np.int64), units, places)


def _tested(
    apart: Any,
    images: sources.Images,
    plan: Plan,
    groups: str | os.PathLike[str] | None,
    test_groups: str | os.PathLike[str] | None,
    whole: Part,
) -> tuple[Part, str]:
    """The separate test part, in the size and with the classes of the others."""
    found, number = _beside(apart, images, plan, "the test part")
    if groups and not test_groups:
        raise DataError(
            "groups are given for the data but not for the test part, which may share some: give "
            "--test-groups FILE.csv, or put the test images into the data"
        )
    table = tables.read(test_groups, "group") if test_groups else None
    part = _part(found, table)
    if table and groups:
        grouping.refuse_shared(tables.read(groups, "group"), whole.places, table, part.places)
    return replace(part, labels=number[part.labels]), f"{len(part):,} images of the test part"


def _external(
    external: Any, images: sources.Images, plan: Plan, learn: Part, rare: tuple[int, ...]
) -> Part | None:
    """The external images; those that are also training images are left out."""
    if external is None:
        return None
    found, number = _beside(external, images, plan, "the external images")
    part = _part(found, None)
    part = replace(part, labels=number[part.labels])
    known = {image.tobytes() for image in learn.images}
    part = part[np.array([image.tobytes() not in known for image in part.images])]
    for c in rare:
        own = part.labels == c
        if min(own.sum(), (~own).sum()) < 2:
            raise DataError(
                "the external images must have at least 2 images of each rare class and 2 others "
                f"that are not training images, got {own.sum()} of '{images.names[c]}' and "
                f"{(~own).sum()} others: give others"
            )
    return part


def _beside(
    apart: Any, images: sources.Images, plan: Plan, what: str
) -> tuple[sources.Images, np.ndarray]:
    """Other images in the size of the data, and the number of each of their classes there."""
    side = plan.size or images.shape[:2]
    options = sources.Options(
        size=side, channels=images.shape[2], holdout=0.0, levels=images.levels, judged=True
    )
    found = sources.load(apart, options)
    unknown = sorted(set(found.names) - set(images.names))
    if unknown or not found.classes:
        raise DataError(
            f"{what} must have the classes of the data, {', '.join(images.names)}, got "
            f"{', '.join(found.names) or 'none'}: label {'them' if what[-1] == 's' else 'it'} in "
            "the same way"
        )
    return found, np.array([images.names.index(name) for name in found.names])


def _rare(rare: tuple[str, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    for name in rare:
        if name not in names:
            raise DataError(no_such("class", name, names))
    return tuple(sorted({names.index(name) for name in rare}))


def _digest(*parts: Part) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for array in (part.images, part.labels, part.units):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
