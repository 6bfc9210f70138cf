"""What `ganvas defects report` does: known images -> measures, sentences, a page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...base.files import write_file
from ...errors import DataError
from ...reports.page import Block, Items, Page, Picture, Pictures, Section, Table, Text
from .detector import Detector
from .goods import Named, files, read
from .judging import FEW, judge
from .overlay import beside

SHOWN = 6


def report(
    detector: Detector,
    good: Any,
    bad: Any,
    *,
    masks: str | os.PathLike | None = None,
    out: str | os.PathLike | None = None,
    alpha: float | None = None,
) -> dict[str, Any]:
    """Measure a detector on images it never saw, and write the page.

    Args:
        good, bad: images, as `ganvas defects score` takes them.
        masks: a folder with a mask (white: defective) for each bad image; see `read_masks`.
        out: FILE.html; None: no page.

    Returns: what `judge` returns.
    Raises: DataError: none of a kind, or masks that are missing, empty or of another size.
    """
    fine, broken = read(good, detector.shape), read(bad, detector.shape)
    where = None if masks is None else read_masks(Path(masks), broken)
    found = judge(detector, fine.pixels, broken.pixels, where, alpha=alpha)
    if out is not None:
        text = page(detector, found, fine, broken).html()
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_file(Path(out), text)
    return found


def read_masks(folder: Path, broken: Named) -> np.ndarray:
    """bool [N, H, W] for the bad images, by file name; NAME_mask counts as NAME."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}, where masks are: check the path")
    there: dict[str, list[Path]] = {}
    for path in files(folder):
        there.setdefault(path.stem.removesuffix("_mask"), []).append(path)
    masks, highest = [], 0
    for name, image in zip(broken.paths, broken.pixels, strict=True):
        path = _mask_of(Path(name), there, folder)
        mask = pictures.read(path, channels=1)[..., 0]
        if mask.shape != image.shape[:2]:
            raise DataError(
                f"{path} has {mask.shape[0]}×{mask.shape[1]} px, where its image has "
                f"{image.shape[0]}×{image.shape[1]}: scale it to that"
            )
        highest = max(highest, mask.max())
        masks.append(mask > 127)
    if not np.any(masks):
        raise DataError(
            f"the masks in {folder} are black (at most {highest}), where white, above 127, is "
            "defective: invert or scale them"
        )
    return np.stack(masks)


def _mask_of(image: Path, there: Mapping[str, list[Path]], folder: Path) -> Path:
    """Its mask: of its name, and where several have it, in a folder of its folder's name."""
    if not image.is_file():
        raise DataError(f"{image} has no file name, by which masks are found: give image files")
    found = there.get(image.stem.removesuffix("_mask"), [])
    if len(found) > 1:
        found = [path for path in found if path.parent.name == image.parent.name]
    if len(found) != 1:
        raise DataError(
            f"{folder} has {'several masks' if found else 'no mask'} for {image}: there must be "
            f"one of the name {image.stem}, such as {image.stem}.png, white where it is defective"
        )
    return found[0]


def page(detector: Detector, found: Mapping[str, Any], fine: Named, broken: Named) -> Page:
    """The page of a report."""
    enough = min(found["good"], found["bad"]) >= FEW
    won = enough and found["lead"]["low"] > 0 and found["false_alarms"]["inside"]
    sections = [
        Section("Which images are defective", _areas(found)),
        Section("What the GAN adds", [_ablation(found)]),
        Section("Where they are defective", _pixels(found)),
        Section("Pictures", _pictures(detector, fine, broken)),
        Section("Limits", [Items(LIMITS)]),
    ]
    first, *others = found["sentences"]
    return Page(
        title=f"Defects: {detector.place.parent.name}, version {detector.place.name}",
        verdict=first,
        tone="good" if won else "bad",
        reasons=others,
        lines=[f"{found['good']} good and {found['bad']} bad images that the model never saw."],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {detector.facts['versions']['ganvas']}.",
        kind="Report of a detector",
    )


LIMITS = (
    "Intervals are of these images: others of the same kind fall inside; another kind need not.",
    "The promise of alpha is kept on average over calibrations, for good images like those that "
    "calibrated; it says nothing of how many defects are found.",
    "A heat-map shows where an image is unusual for the model. Its colours are no probability.",
    "Networks trained on millions of photographs find fine defects of textures better "
    "(MVTec AD: PatchCore 0.98 image AUROC); this one needs no such weights.",
)


def _areas(found: Mapping[str, Any]) -> list[Block]:
    rows = [("this model", *_cells(found["detector"]))]
    rows += [(f"{name} (no GAN)", *_cells(one)) for name, one in found["baselines"].items()]
    header = ("detector", "AUROC", "95 % interval", "average precision", "95 % interval")
    share = found["bad"] / (found["good"] + found["bad"])
    return [
        Table(header, rows, "lrrrr", "The same good images were learnt from by all"),
        Text(f"A random order has AUROC 0.5 and average precision {share:.3f}."),
    ]


def _cells(one: Mapping[str, Any]) -> list[str]:
    cells = []
    for name in ("auroc", "average_precision"):
        cells.append(f"{one[name]['value']:.4f}")
        cells.append(f"{one[name]['low']:.3f} to {one[name]['high']:.3f}")
    return cells


def _ablation(found: Mapping[str, Any]) -> Block:
    rows = [(name, f"{value:.4f}") for name, value in found["ablation"].items()]
    caption = "AUROC of the score, of its parts together and alone; pixels and nearest use no GAN"
    return Table(("score", "AUROC"), rows, "lr", caption)


def _pixels(found: Mapping[str, Any]) -> list[Block]:
    if "pixels" not in found:
        return []
    rows = [
        (name, *(f"{one[key]:.4f}" for key in ("auroc", "aupro", "average_precision")))
        for name, one in found["pixels"].items()
    ]
    header = ("heat-map", "pixel AUROC", "AUPRO up to 30 %", "pixel average precision")
    return [Table(header, rows, "lrrr", "Against the masks; pca is a detector without a GAN")]


def _pictures(detector: Detector, fine: Named, broken: Named) -> list[Block]:
    """The bad images with the highest and lowest scores, the good ones with the highest."""
    shown: list[Block] = []
    for words, named, order in (
        ("Bad, most unusual", broken, -1), ("Bad, least unusual", broken, 1),
        ("Good, most unusual", fine, -1),
    ):  # fmt: skip
        scores = detector.score(named.pixels, heatmaps=False).score
        rows = np.argsort(order * scores, kind="stable")[:SHOWN]
        told = detector.score(named.pixels[rows])
        names = [Path(named.paths[row]).name for row in rows]
        tiles = [
            Picture(
                beside(image, heat),
                f"{name} and its heat-map",
                f"{words}: {name}, score {score:.2f}, p {p_value:.3f}",
            )
            for name, image, heat, score, p_value in zip(
                names, named.pixels[rows], told.heatmap, told.score, told.p_value, strict=True
            )
        ]
        shown.append(Pictures(tiles, "small"))
    return shown
