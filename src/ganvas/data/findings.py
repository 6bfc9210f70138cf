"""The report of the check of images before training: counts and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ganvas.errors import DataError

FEW = 200  # with fewer images none is held out, and a GAN mostly copies


@dataclass(frozen=True)
class Report:
    """Counts are images, sizes are (height, width) in pixels, warnings are sentences.

    `used` includes what is held out. `duplicates` counts images equal to an earlier one, and
    `constant` those of a single colour; both stay in. `ignored` counts files that are no images,
    `suffixes` by their suffix; `left_out` counts images by the reason why the layout does not use
    them, which `found` does not include. `layout` holds sentences about what was understood,
    `no_classes` why there are no classes.
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
    suffixes: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    layout: list[str] = field(default_factory=list)
    no_classes: str = ""

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
    facts: Mapping[str, Any] | None = None,
) -> Report:
    """Make the report of a check.

    Args:
        where: the data's name for messages.
        hashes: uint64 [N], one per image that is used.
        sizes: (height, width) before resizing to `shape` -> number of images.
        labels: int32 [N]; used only if there are `names`.
        judged: the images are not for training, so nothing is refused.
        facts: further values of the report: what was understood of the images, and left out.

    Raises: DataError: no GAN can be trained: fewer than two distinct images, or all images of a
        single colour.
    """
    used, distinct = len(hashes), len(np.unique(hashes))
    if distinct < 2 and not judged:
        raise DataError(
            f"{where} holds {used} readable image{'s' * (used != 1)}, {distinct} of them distinct, "
            "at least 2 are needed (a few thousand for good results): add images"
        )
    if constant == used and not judged:
        raise DataError(
            f"{where} holds only images of a single colour: add images that show something"
        )
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
    return report


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
