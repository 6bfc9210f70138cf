"""What was understood of images, from their headers, before anything is trained."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import images
from ..base.logs import quiet_pillow
from ..data import checkup_cache
from ..data.archives import unpacked
from ..data.arranging import Layout, arrange
from ..data.checkup import Headers, attempt, headers_of, look, measures
from ..data.checkup_cache import Files
from ..data.header import left_out
from ..data.listing import Listing
from ..data.mnist import mnist
from ..data.options import Options
from ..data.walk import find
from ..errors import DataError
from ..training.deciding import MANY, Folder, Machine, decide, largest_side

PREVIEWS, SIDE = 24, 96
MOST_CLASSES = 30
NO_FILES = "arrays"
"""Images that are no files: their check is that of the dry run."""


def understood(place: Path | None, minutes: float | None = None) -> dict[str, Any]:
    """Facts of the images in a folder or an archive, and the recipe that suits them.

    Args:
        place: None, or a file of arrays: nothing is known without reading them.
        minutes: that a run may take.

    Raises: DataError: no images that can be trained on.
    """
    folder = _folder(place)
    if folder is None:
        return {"kind": NO_FILES}
    machine = Machine(_cores(), False, minutes)
    options = Options(larger=(largest_side(machine), MANY))
    source = _listing(_layout(folder, place), options)
    report = source.report
    height, width = report.sizes.get("most_common") or source.shape[:2]
    choice = decide(Folder(report.used, source.shape, (height, width), source.classes), machine)
    names = sorted(report.classes, key=lambda name: -report.classes[name])
    return {
        "kind": "files",
        "images": report.used,
        "shape": list(source.shape),
        "sizes": {name: list(sides) for name, sides in report.sizes.items()},
        "classes": len(report.classes) if source.names else 0,
        "largest_classes": [[name, report.classes[name]] for name in names[:MOST_CLASSES]],
        "no_classes": report.no_classes,
        "read": list(report.layout),
        "left_out": left_out(report.left_out),
        "unreadable": [dict(one) for one in report.unreadable[:5]],
        "warnings": list(report.warnings),
        "recipe": choice.recipe,
        "why": choice.why,
    }


def preview(place: Path | None) -> bytes:
    """A sheet of some of the images, spread over all of them, as PNG.

    Raises: DataError: no images that can be shown.
    """
    if place is None:
        return _sheet([one.reshape(28, 28, 1) for one in mnist("test")[0][:PREVIEWS]])
    folder = _folder(place)
    paths = _layout(folder, place).paths if folder else []
    number = min(PREVIEWS, len(paths))
    chosen = [paths[i * len(paths) // number] for i in range(number)]
    shown = []
    with quiet_pillow():
        for path in chosen:
            found = attempt(partial(images.read, size=(SIDE, SIDE), channels=3), path)
            if not isinstance(found, str):
                shown.append(found)
    return _sheet(shown)


def _sheet(shown: list[np.ndarray]) -> bytes:
    """Images of one size as PNG. Raises: DataError: there are none."""
    if not shown:
        raise DataError("none of these images can be shown: drop other ones")
    columns = next((n for n in (8, 6) if len(shown) % n == 0), min(8, len(shown)))
    return images.png(images.grid(np.stack(shown), columns, gap=4))


def _folder(place: Path | None) -> Path | None:
    """The folder of the images; None: they are no files."""
    if place is None or (place.is_file() and place.suffix.lower() in (".npz", ".npy")):
        return None
    prepared = (place / "index.json").is_file() and (place / "index.npz").is_file()
    if prepared:
        return None
    return place if place.is_dir() else unpacked(place).folder


def _layout(folder: Path, place: Path | None) -> Layout:
    name = str(place.name) if place else folder.name
    return arrange(folder, find(folder), name=name)


def _listing(layout: Layout, options: Options) -> Listing:
    """The images by their headers; none is decoded."""
    with quiet_pillow():
        measure = measures(options)
        files = Files(layout.folder, layout.paths)
        table = checkup_cache.headers(
            files, measure, partial(attempt, partial(look, measure=measure))
        )
        headers = Headers(layout, headers_of(table(i) for i in range(len(layout.paths))))
        table.save()
    numbers = np.arange(len(headers.good), dtype=np.uint64)  # in place of hashes of contents
    return Listing(**headers.facts(options, numbers, 0, {}))


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
