"""The report of the check of images before training: counts and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ganvas.errors import DataError
from ganvas.images import Extent, Levels

FEW = 200  # with fewer images none is held out, and a GAN mostly copies


@dataclass(frozen=True)
class Report:
    """Counts are images, sizes are (height, width) in pixels, warnings are sentences.

    `used` includes what is held out. `duplicates` counts images equal to an earlier one, and
    `constant` those of a single colour; both stay in.

    Attributes:
        ignored: files that are no images, or cannot be read here: all of `left_out` but images.
        left_out: files and images that are not used: {"what": a suffix, a kind of file or "image",
            "why", "count"}. `found` does not include them.
        grey_as_colour: whether all images are grey and stored with equal colour channels.
        first_frames: images of several frames or pages; the first one is used.
        reduced: colour images with 16 bits, of which the upper 8 are used.
        wide: grey images with more than 8 bits; `levels` were applied to them.
        layout: sentences about what was understood of a folder, a file or an array.
        no_classes: why there are no classes.
        groups: of images without labels: {"by": as `Options.group_by`, "count"}, and, if there are
            any, "smallest" and "largest" in training images, else "why"; empty if none are wanted.
    """

    found: int
    used: int
    unreadable: list[dict[str, str]] = field(default_factory=list)
    ignored: int = 0
    duplicates: int = 0
    constant: int = 0
    sizes: dict[str, list[int]] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    grey_as_colour: bool = False
    first_frames: int = 0
    reduced: int = 0
    wide: int = 0
    levels: Levels = "full"
    layout: list[str] = field(default_factory=list)
    no_classes: str = ""
    groups: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, for JSON."""
        return asdict(self)


def examine(
    where: str,
    *,
    hashes: np.ndarray,
    constant: int,
    sizes: Counter[tuple[int, int]],
    shape: tuple[int, int, int],
    labels: np.ndarray,
    names: Sequence[str],
    unreadable: Sequence[dict[str, str]] = (),
    judged: bool = False,
    extent: Extent | None = None,
    fit: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Report:
    """Make the report of a check.

    Args:
        where: the data's name for messages.
        hashes: uint64 [N], one per image that is used.
        sizes: (height, width) before resizing to `shape` -> number of images.
        labels: int32 [N]; used only if there are `names`.
        judged: the images are not for training, so nothing is refused.
        extent: of the values of wide images, if it was looked up.
        fit: "crop" or "pad", see `Options.fit`.
        facts: further fields of the report: what was understood of the images, and left out.

    Raises: DataError: no GAN can be trained: fewer than two distinct images, or all images of a
        single colour.
    """
    used, distinct = len(hashes), len(np.unique(hashes))
    if not judged:
        _refuse_alike(where, used, distinct, constant, (facts or {}).get("first_frames", 0))
    counts = np.bincount(labels, minlength=len(names)) if names else ()
    classes = {name: int(n) for name, n in zip(names, counts, strict=True)}
    by_area = sorted(sizes, key=_area)
    report = Report(
        found=used + len(unreadable),
        used=used,
        unreadable=list(unreadable),
        duplicates=used - distinct,
        constant=constant,
        sizes={
            "smallest": list(by_area[0]),
            "largest": list(by_area[-1]),
            "most_common": list(sizes.most_common(1)[0][0]),
        },
        classes=classes,
        **(facts or {}),
    )
    report.warnings.extend(_warnings(report, median_side(sizes), min(shape[:2])))
    report.warnings.extend(_of_pixels(report, extent, shape[2]))
    report.warnings.extend(_cut(sizes, shape) if fit == "crop" else ())
    return report


def _refuse_alike(where: str, used: int, distinct: int, constant: int, several: int) -> None:
    """Raises: DataError: images that show nothing, or all the same."""
    if distinct < 2:
        add = (
            "save the frames or pages of each file as files of their own"
            if several
            else "add images"
        )
        raise DataError(
            f"{where} holds {used} readable image{'s' * (used != 1)}, {distinct} of them distinct, "
            f"at least 2 are needed (a few thousand for good results): {add}"
        )
    if constant == used:
        raise DataError(
            f"{where} holds only images of a single colour: add images that show something"
        )


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def median_side(sizes: Counter[tuple[int, int]]) -> int:
    """The median of the images' short sides, in pixels."""
    sides = np.array([min(size) for size in sizes])
    return int(np.median(np.repeat(sides, list(sizes.values()))))


def _warnings(report: Report, side: int, wanted: int) -> list[str]:
    found = []
    if report.used < FEW:
        found.append(
            f"only {report.used} images: the generator will mostly copy them, and no image is held "
            "out"
        )
    if report.unreadable:
        first = report.unreadable[0]
        found.append(
            f"{len(report.unreadable)} of {report.found} images are left out as unreadable, "
            f"such as {first['path']} ({first['why']})"
        )
    if report.duplicates > 0.1 * report.used:
        found.append(f"{report.duplicates} of {report.used} images equal an earlier one")
    if report.constant:
        found.append(f"{report.constant} of {report.used} images are of a single colour")
    if side < wanted:
        found.append(
            f"half of the images are smaller than {side + 1} px and are enlarged to {wanted} px, "
            "so they look blurred"
        )
    return found + _class_warnings(report.classes)


def _of_pixels(report: Report, extent: Extent | None, channels: int) -> list[str]:
    found = []
    if extent and not isinstance(report.levels, str):
        low, high = report.levels
        found.append(
            f"{report.wide} grey images have more than 8 bits and values from {extent.low:g} to "
            f"{extent.high:g}: {low:g} becomes black and {high:g} white; data.levels changes this"
        )
    elif report.wide and report.levels == "auto":
        found.append(
            f"{report.wide} grey images have more than 8 bits, and their values are private: 0 "
            "becomes black and 65535 white; data.levels changes this"
        )
    if report.grey_as_colour:
        found.append(
            f"all images are grey, but stored in colour: data.channels={channels - 2} trains on "
            "one channel instead of three"
        )
    if report.reduced:
        found.append(
            f"{report.reduced} colour images have 16 bits, of which the upper 8 are used: images "
            "that use fewer bits are dark; scale them before"
        )
    if report.first_frames:
        found.append(
            f"{report.first_frames} of {report.used} images have several frames or pages: the "
            "first one is used"
        )
    return found


def _cut(sizes: Counter[tuple[int, int]], shape: tuple[int, int, int]) -> list[str]:
    """A warning if most images lose more than half of their pixels, as panoramas do."""
    wanted = shape[1] / shape[0]
    kept = {size: min(size[1] / size[0] / wanted, size[0] / size[1] * wanted) for size in sizes}
    cut = sum(count for size, count in sizes.items() if kept[size] < 0.5)
    if cut <= sizes.total() / 2:
        return []
    return [
        f"{cut} of {sizes.total()} images lose more than half of their pixels, because "
        f'data.fit="crop" keeps the centre of {shape[0]}:{shape[1]}: data.fit="pad" keeps all, and '
        "data.size=[height, width] changes the shape"
    ]


def _class_warnings(classes: dict[str, int]) -> list[str]:
    if not classes:
        return []
    found = []
    rare, common = min(classes, key=classes.__getitem__), max(classes, key=classes.__getitem__)
    if classes[common] > 20 * classes[rare]:
        found.append(
            f"class '{rare}' has {classes[rare]} images and '{common}' {classes[common]}: "
            "rare classes will look worse"
        )
    return found
