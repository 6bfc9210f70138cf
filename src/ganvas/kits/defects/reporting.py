"""`ganvas defects report`: known images -> measures, sentences, a page."""

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
from .card import chosen_by
from .detector import Detector
from .good_images import Named, files, read
from .judging import judge
from .overlay import side_by_side
from .parts import PARTS
from .results import FEW, DefectsReport, ImageScores

SHOWN = 6


def report(
    detector: Detector,
    good: Any,
    bad: Any,
    *,
    masks: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    alpha: float | None = None,
) -> DefectsReport:
    """Measure a detector on images that were not used to fit it, and write the page.

    Args:
        good, bad: images, as `ganvas defects score` takes them.
        masks: a folder with a mask (white: defective) for each bad image; see `read_masks`.
        out: FILE.html; None: no page.
        alpha: share of good images that may be called defective; None: the detector's.

    Raises: DataError: no good or no bad images, or masks that are missing, empty or of another
        size.
    """
    fine, broken = (read(data, detector.shape, detector.levels) for data in (good, bad))
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
        raise DataError(f"the folder of masks {folder} does not exist: check the path")
    there: dict[str, list[Path]] = {}
    for path in files(folder):
        there.setdefault(path.stem.removesuffix("_mask"), []).append(path)
    masks, highest = [], 0
    for name, image in zip(broken.paths, broken.pixels, strict=True):
        path = _mask_of(Path(name), there, folder)
        mask = pictures.read(path, channels=1)[..., 0]
        if mask.shape != image.shape[:2]:
            raise DataError(
                f"{path} must have the {image.shape[0]}×{image.shape[1]} px of its image, got "
                f"{mask.shape[0]}×{mask.shape[1]} px: scale it"
            )
        highest = max(highest, mask.max())
        masks.append(mask > 127)
    if not np.any(masks):
        raise DataError(
            f"the masks in {folder} are black (at most {highest}), but defective pixels must be "
            "above 127: invert or scale them"
        )
    return np.stack(masks)


def _mask_of(image: Path, there: Mapping[str, list[Path]], folder: Path) -> Path:
    """The mask of the same name; of several, the one whose folder has the name of its folder."""
    if not image.is_file():
        raise DataError(f"{image} has no file name, but masks are found by it: give image files")
    found = there.get(image.stem.removesuffix("_mask"), [])
    if len(found) > 1:
        found = [path for path in found if path.parent.name == image.parent.name]
    if len(found) != 1:
        raise DataError(
            f"{folder} must have one mask for {image}, got {len(found) or 'none'}: name it "
            f"{image.stem}.png, white where the image is defective"
        )
    return found[0]


def page(detector: Detector, found: DefectsReport, fine: Named, broken: Named) -> Page:
    """The page of a report."""
    enough = min(found.good, found.bad) >= FEW
    won = enough and found.lead.low > 0 and found.false_alarms.inside
    sections = [
        Section("Which images are defective", _areas(found)),
        Section("What makes the score", _parts(detector, found)),
        Section("Where they are defective", _pixels(found)),
        Section("Pictures", _pictures(detector, fine, broken)),
        Section("Limits", [Items(LIMITS)]),
    ]
    first, *others = found.sentences
    return Page(
        title=f"Defects: {detector.place.parent.name}, version {detector.place.name}",
        verdict=first,
        tone="good" if won else "bad",
        reasons=others,
        lines=[f"{found.good} good and {found.bad} bad images, not used to fit the model."],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {detector.facts['versions']['ganvas']}.",
        kind="Report of a detector",
    )


LIMITS = (
    "The intervals hold for images of this kind, not for another kind.",
    "The guarantee of alpha holds on average over calibrations, for good images like the "
    "calibration images. The share of defects found is not guaranteed.",
    "A heat-map shows where an image is unusual for the model. Its colours are not probabilities.",
    "The parts were chosen by planted defects. Real ones may look different.",
)


def _areas(found: DefectsReport) -> list[Block]:
    rows = [("this model", *_cells(found.detector))]
    rows += [(f"{name} (simple)", *_cells(one)) for name, one in found.baselines.items()]
    header = ("detector", "AUROC", "95 % interval", "average precision", "95 % interval")
    share = found.bad / (found.good + found.bad)
    return [
        Table(header, rows, "lrrrr", "All were fitted on the same good images"),
        Text(f"A random order has AUROC 0.5 and average precision {share:.3f}."),
    ]


def _cells(scores: ImageScores) -> list[str]:
    cells = []
    for one in (scores.auroc, scores.average_precision):
        cells.append(f"{one.value:.4f}")
        cells.append(f"{one.low:.3f} to {one.high:.3f}")
    return cells


def _parts(detector: Detector, found: DefectsReport) -> list[Block]:
    """Each part alone, on the images of the report and on the planted defects of the fit."""
    weights, choice = detector.facts["weights"], detector.facts.get("choice", {})
    planted = choice.get("alone", {})
    rows = [
        (name, PARTS.get(name, ""), "yes" if weights.get(name) else "",
         f"{planted[name]:.3f}" if name in planted else "", f"{value:.4f}")
        for name, value in found.ablation.items()
    ]  # fmt: skip
    header = ("part", "measures", "in use", "AUROC, planted", "AUROC, these images")
    blocks: list[Block] = [
        Table(header, rows, "lllrr", 'The score is the mean of the parts in use ("all")')
    ]
    if choice:
        blocks.append(Text(chosen_by(choice)))
    return blocks


def _pixels(found: DefectsReport) -> list[Block]:
    if not found.pixels:
        return []
    rows = [
        (name, *(f"{value:.4f}" for value in (one.auroc, one.aupro, one.average_precision)))
        for name, one in found.pixels.items()
    ]
    header = ("heat-map", "pixel AUROC", "AUPRO up to 30 %", "pixel average precision")
    return [Table(header, rows, "lrrr", "Against the masks; pca is a simple detector")]


def _pictures(detector: Detector, fine: Named, broken: Named) -> list[Block]:
    """The bad images with the highest and lowest scores, the good ones with the highest."""
    shown: list[Block] = []
    for kind, named, order in (
        ("Bad, most unusual", broken, -1), ("Bad, least unusual", broken, 1),
        ("Good, most unusual", fine, -1),
    ):  # fmt: skip
        scores = detector.score(named.pixels, heatmaps=False).score
        rows = np.argsort(order * scores, kind="stable")[:SHOWN]
        verdicts = detector.score(named.pixels[rows])
        tiles = []
        for i, row in enumerate(rows):
            name = Path(named.paths[row]).name
            numbers = f"score {verdicts.score[i]:.2f}, p {verdicts.p_value[i]:.3f}"
            picture = side_by_side(named.pixels[row], verdicts.heatmap[i])
            tiles.append(Picture(picture, f"{name} and its heat-map", f"{kind}: {name}, {numbers}"))
        shown.append(Pictures(tiles, "small"))
    return shown
