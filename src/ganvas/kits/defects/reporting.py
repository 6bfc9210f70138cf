"""`ganvas defects report`: known images -> measures, sentences, a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ...base.files import write_file
from ...reports.charts import lines
from ...reports.language import Name, chosen
from ...reports.page import (
    Block,
    Charts,
    Items,
    Page,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
)
from ...stats.intervals import Interval
from .card import chosen_by
from .detector import Detector
from .findable import Findable, kind_text, size_text
from .good_images import Named, read
from .judging import judge
from .masks import read_masks as read_masks
from .overlay import side_by_side
from .parts import PARTS
from .results import FEW, DefectsReport

SHOWN = 6


def report(
    detector: Detector,
    good: Any,
    bad: Any,
    *,
    masks: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    alpha: float | None = None,
    lang: str = "",
) -> DefectsReport:
    """Measure a detector on images that were not used to fit it, and write the page.

    Args:
        good, bad: images, as `ganvas defects score` takes them.
        masks: a folder with a mask (white: defective) for each bad image; see `read_masks`.
        out: FILE.html; None: no page.
        alpha: share of good images that may be called defective; None: the detector's.
        lang: language of the report, "en" or "zh"; "": by GANVAS_LANG, else en.

    Raises: DataError: no good or no bad images, or masks that are missing, empty or of another
        size.
    """
    lang = chosen(lang)
    fine, broken = (read(data, detector.shape, detector.levels) for data in (good, bad))
    where = None
    if masks is not None:
        where = read_masks(Path(masks), broken.paths, broken.pixels.shape[1:3])
    found = judge(detector, fine.pixels, broken.pixels, where, alpha=alpha)
    if out is not None:
        text = page(detector, found, fine, broken).html(lang)
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_file(Path(out), text)
    return found


def page(detector: Detector, found: DefectsReport, fine: Named, broken: Named) -> Page:
    """The page of a report. Its colour is that of the promise of alpha, not of who wins."""
    enough = min(found.good, found.bad) >= FEW
    kept = found.false_alarms.count <= found.false_alarms.high
    sections = [
        Section("What was asked", _asked(found)),
        Section("Other detectors on the same images", _rivals(found)),
        Section("What can be found", _findable(found.findable)),
        Section("What makes the score", _parts(detector, found)),
        Section("Where images are defective", _pixels(found)),
        Section("Pictures", _pictures(detector, fine, broken)),
        Section("Limits", [Items(LIMITS)]),
    ]
    first, *others = found.sentences
    return Page(
        title=f"Defects: {detector.place.parent.name}, version {detector.place.name}",
        verdict=first,
        tone="" if not enough else "good" if kept else "bad",
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
    "The parts were chosen by planted defects, and the sizes that can be found are those of "
    "planted defects. Real ones may look different.",
)


def _asked(found: DefectsReport) -> list[Block]:
    """The promise, and what these images gave."""
    alarms, area, other = found.false_alarms, found.detector.auroc, found.detector.average_precision
    rows = [
        ("good images called defective", f"{alarms.rate:.1%} ({alarms.count} of {found.good})",
         f"{alarms.low / found.good:.1%} to {alarms.high / found.good:.1%}",
         f"promised: {found.alpha:.1%}; the interval is that of the promise"),
        ("bad images found", f"{found.recall.value:.1%}",
         f"{found.recall.low:.1%} to {found.recall.high:.1%}", "at this alpha"),
        ("image AUROC", f"{area.value:.3f}", f"{area.low:.3f} to {area.high:.3f}",
         "a random order has 0.5"),
        ("average precision", f"{other.value:.3f}", f"{other.low:.3f} to {other.high:.3f}",
         f"a random order has {found.bad / (found.good + found.bad):.3f}"),
    ]  # fmt: skip
    if found.pixels:
        own = found.pixels["detector"]
        rows += [("pixel AUROC", f"{own.auroc:.3f}", "", "against the masks"),
                 ("AUPRO", f"{own.aupro:.3f}", "", "against the masks, up to 30 % of good pixels"),
        ]  # fmt: skip
    rows.append(
        ("time of an image", f"{found.milliseconds:.3g} ms", "", "in a batch, on this machine")
    )
    return [Table(("", "measured", "95 % interval", ""), rows, "lrrl", "The result")]


def _rivals(found: DefectsReport) -> list[Block]:
    own = [("this model", *_numbers(found, found.detector.auroc, found.recall,
            found.false_alarms.count), "the mean of the parts in use")]  # fmt: skip
    rows = own + [
        (f"{name}{' · in use' if one.in_use else ''}",
         *_numbers(found, one.auroc, one.recall, one.false_alarms), one.measures)
        for name, one in found.rivals.items()
    ]  # fmt: skip
    header = ("detector", "AUROC", "95 % interval", "found", "false alarms", "measures")
    return [
        Table(header, rows, "lrrrrl", "All were fitted on the same good images, and calibrated by "
              "the same images for the same alpha", notes=True),
        Text('"In use": a part of this model\'s score. The parts were chosen before these images '
             "were seen; choosing by this table would need further images to measure the result."),
    ]  # fmt: skip


def _numbers(found: DefectsReport, area: Interval, recall: Interval, alarms: int) -> list[str]:
    return [f"{area.value:.3f}", f"{area.low:.3f} to {area.high:.3f}", f"{recall.value:.1%}",
            f"{alarms / found.good:.1%}"]  # fmt: skip


def _findable(found: Findable | None) -> list[Block]:
    """Curves of the probability of detection, and a90 with its bounds."""
    if found is None:
        return []
    rows = []
    for row in found.rows:
        size, between = size_text(row, found)
        rows.append((kind_text(row, found.grey), f"{row.found} of {row.planted}", size, between))
    header = ("planted defect", "found, all sizes", "9 of 10 from", "interval")
    table = Table(header, rows, "lrrr", "Side of the defect's box from which on 9 of 10 are found")
    return [
        Text(f"Defects of {found.smallest:g} to {found.largest:g} px were planted into "
             f"{found.good} good images that calibrated the model, so no bad image is needed. The "
             "upper end of an interval is a90/95 of MIL-HDBK-1823A: at this size, 9 of 10 are "
             "found with a confidence of 95 %."),
        table,
        Charts([("Share found by size, contrast 1", _curves(found, True)),
                ("Share found by size, other kinds", _curves(found, False))], _shares(found)),
    ]  # fmt: skip


def _shares(found: Findable) -> Table:
    """The numbers of both charts, with their bounds."""
    rows = [row for row in found.rows if row.contrast in (None, 1.0)]
    sizes = [f"{point[0]:g} px" for point in rows[0].curve]
    cells = [
        (row.kind, *(f"{value:.2f} ({low:.2f} to {high:.2f})" for _, value, low, high in row.curve))
        for row in rows
    ]  # fmt: skip
    caption = "Share found, with bounds at a confidence of 95 % each; blob, scar, stain: contrast 1"
    return Table(("", *sizes), cells, "l" + "r" * len(sizes), caption)


def _curves(found: Findable, toned: bool) -> str:
    rows = [row for row in found.rows if row.contrast == (1.0 if toned else None)]
    sizes = [point[0] for point in rows[0].curve]
    series = {row.kind: [point[1] for point in row.curve] for row in rows}
    return lines(series, sizes, "side of the defect's box in pixels", shares=True)


def _parts(detector: Detector, found: DefectsReport) -> list[Block]:
    """Each part alone, on the images of the report and on the planted defects of the fit."""
    weights, choice = detector.facts["weights"], detector.facts.get("choice", {})
    planted = choice.get("alone", {})
    rows = [
        (Name(name) if name in PARTS else name, "yes" if weights.get(name) else "",
         f"{planted[name]:.3f}" if name in planted else "", f"{value:.4f}", PARTS.get(name, ""))
        for name, value in found.ablation.items()
    ]  # fmt: skip
    header = ("part", "in use", "AUROC, planted", "AUROC, these images", "measures")
    blocks: list[Block] = [
        Table(header, rows, "llrrl", 'The score is the mean of the parts in use ("all")')
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
    blocks: list[Block] = [
        Table(header, rows, "lrrr", "Against the masks; pca is a simple detector")
    ]
    if (control := found.control) is not None:
        blocks.append(Text(
            f"Control for shortcuts: with each defect and {control.margin} px around it covered, "
            f"and the same masks laid on good images, bad images score above good ones with AUROC "
            f"{control.covered.value:.3f} (95 % interval {control.covered.low:.3f} to "
            f"{control.covered.high:.3f}). 0.5 means that bad images differ by their defects only. "
            "A higher value means that they also differ by something else, such as exposure. "
            f"Within bad images, defective pixels score above the others with AUROC "
            f"{control.within:.3f}."))  # fmt: skip
    return blocks


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
