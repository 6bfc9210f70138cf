"""The report of the kit: report.html beside the tiles, or the logos."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ... import __version__, images
from ...base.files import write_file
from ...base.own_files import check_replaceable
from ...errors import DataError
from ...reports.language import Name
from ...reports.page import Block, Items, Page, Picture, Pictures, Section, Table, Text
from ...reports.tables import number
from .likeness import ALIKE
from .measure import Seams
from .results import USEFUL, LogoFile, LogosReport, TilesReport

FILE = "report.html"
SHOWN, LISTED, PREVIEW = 8, 50, 700
"""Tiles in pictures, rows of a table, and pixels of a preview's longer side."""
MEASURED = (
    "A seam is ordinary if the step across it lies between the 5th and the 95th percentile of the "
    "steps inside the tile. A frozen network compares the structure: 0 is the texture, 1 is as far "
    f"as a single colour; up to {ALIKE:g} is alike. Repeats are the largest correlation of a "
    "surface of 1,024 pixels with itself, moved: 1 if the tile is repeated within it."
)
SCORED = (
    "Logos like these against the half of the set that no choice depends on, in features of a "
    "frozen network"
)
PARTS = (
    "Each logo is laid of contours of the drawings that logos.json names under parts. A contour "
    "with more than 60 % of a drawing's ink is not used, except plain ones such as bars and discs."
)
NOT_TRADEMARKS = (
    "Distances are of pixels: they find copies of training images, not what looks alike to a "
    "person. They do not replace a search of trademarks."
)


def check(folder: Path) -> None:
    """Raises: UsageError: a file of that name that ganvas did not write."""
    check_replaceable(folder / FILE)


def write_tiles_report(folder: Path, result: TilesReport, lang: str = "") -> Path:
    """Write the page of `make_tiles`, and return its path."""
    height, width = result.size
    ordinary = sum(one.seams.within for one in result.tiles)
    count = len(result.tiles)
    alike = sum(one.distance <= ALIKE for one in result.tiles)
    structure = "all of them have" if alike == count else f"{alike} of {count} have"
    seams = "all of them ordinary" if ordinary == count else f"{ordinary} of {count} ordinary"
    sections = [
        Section("Tiles", _previews(folder, result)),
        Section("In use", _shown(folder, {
            "wallpaper.png": "The first tile as wallpaper",
            "fabric.png": "The first tile in cloth",
            "morph.png": "From the first texture into the other; it tiles, too",
        })),
        Section("Each tile", [_measured(result), Text(MEASURED)]),
        Section("Runs", [Items([*map(Name, result.runs)])] if result.runs else []),
    ]  # fmt: skip
    return _write(
        folder,
        f"{count} tile{'s' * (count != 1)} of {height} x {width} pixels: the step across their "
        f"seams is {result.ratio:.2f} times a step inside, {seams}; {structure} the structure of "
        "the texture.",
        "good" if ordinary == alike == count else "",
        sections,
        "Report of tiles",
        result,
        lang,
    )


def write_logos_report(folder: Path, result: LogosReport, lang: str = "") -> Path:
    """Write the page of `make_logos`, and return its path."""
    distances = [one.distance for one in result.logos]
    near = f"; the nearest to a training image is at distance {min(distances):.2f} (median "
    near = f"{near}{float(np.median(distances)):.2f})" if distances else ""
    near = f"{near}; {result.use}" if result.use else near
    sections = [
        Section("Logos", _shown(folder, {"logos.png": "Generated, not selected"})),
        Section("Nearest training images", [
            *_shown(folder, {"nearest.png": "Each logo, and the training image nearest to it"}),
            Text(NOT_TRADEMARKS),
        ]),
        Section("More", _shown(folder, {
            "variations.png": "Variations of one logo; a red frame marks a near-copy",
            "directions.png": "A row per direction",
        })),
        Section("Fidelity and variety", _truncations(result)),
        Section("Each logo", [_logos(result)]),
        Section("Runs", [Items([Name(result.run)])]),
    ]  # fmt: skip
    return _write(
        folder,
        f"{len(result.logos)} logos of {len(result.kinds)} kinds: {result.refused} near-copies of "
        f"training images were refused{near}.",
        "",
        sections,
        "Report of logos",
        result,
        lang,
    )


def write_marks_report(
    folder: Path, result: LogosReport, facts: Sequence[tuple[str, str]], lang: str = ""
) -> Path:
    """Write the page of composed logos, and return its path; `facts` say what the set is like."""
    distances = [one.distance for one in result.logos]
    scores = [(name, number(value)) for name, value in result.scores.items()]
    measured: list[Block] = [Table(("score", "value"), scores, "lr", SCORED)] if scores else []
    sections = [
        Section("Logos", _shown(folder, {"logos.png": "Composed, not selected by a person"})),
        Section("The set", [
            *_shown(folder, {"set.png": "As many drawings of the set that was given"}),
            Table(("what", "in the set"), facts, "lr", "What the grammar has learnt"),
        ]),
        Section("Nearest drawings", [
            *_shown(folder, {"nearest.png": "Above logos, below the drawing nearest to each"}),
            Text(NOT_TRADEMARKS),
        ]),
        Section("Fidelity and variety", measured),
        Section("Each logo", [_logos(result), Text(PARTS)]),
    ]  # fmt: skip
    use = result.use
    return _write(
        folder,
        f"{len(result.logos)} logos composed of the set's parts; "
        + (f"{use}; " if use else "")
        + f"{result.refused} near-copies were refused, the nearest drawing is at distance "
        f"{min(distances):.2f} (median {float(np.median(distances)):.2f}).",
        "good" if (result.scores.get("precision") or 0) >= USEFUL else "",
        sections,
        "Report of logos",
        result,
        lang,
    )


def remove_old(base: Path, items: Sequence[LogoFile]) -> None:
    """Remove logos of an earlier command, which logos.json does not list."""
    kept = {base / item.file for item in items}
    kept |= {base / item.svg.file for item in items if item.svg}
    for file in [*base.glob("logos/[0-9]*.png"), *base.glob("svg/[0-9]*.svg")]:
        if file not in kept:
            file.unlink()


def _write(
    folder: Path,
    verdict: str,
    tone: str,
    sections: Sequence[Section],
    kind: str,
    result: TilesReport | LogosReport,
    lang: str,
) -> Path:
    stopped = result.status == "interrupted"
    seconds = result.seconds_training
    trained = f"{seconds:.0f} s of training" if seconds else "Nothing was trained"
    page = Page(
        title=Name(folder.absolute().name),
        verdict=verdict,
        tone=tone,
        reasons=["The training was interrupted: the same command goes on"] if stopped else [],
        lines=[f"{trained}, {result.seconds:.0f} s in all"],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {__version__}.",
        kind=kind,
    )
    write_file(folder / FILE, page.html(lang))
    return folder / FILE


def _previews(folder: Path, result: TilesReport) -> list[Block]:
    """The tiles as they repeat."""
    names = [one.file.replace("tiles/", "previews/", 1) for one in result.tiles[:SHOWN]]
    captions = [f"{one.texture}, seed {one.seed}, repeated" for one in result.tiles[:SHOWN]]
    return _shown(folder, dict(zip(names, captions, strict=True)), "small", PREVIEW)


def _shown(
    folder: Path, captions: dict[str, str], layout: str = "", most: int = Picture.most
) -> list[Block]:
    """Those pictures that were written."""
    pictures = []
    for name, caption in captions.items():
        with contextlib.suppress(DataError):
            if (folder / name).is_file():
                pictures.append(Picture(images.read(folder / name), caption, caption, name, most))
    return [Pictures(pictures, layout)] if pictures else []


def _measured(result: TilesReport) -> Table:
    rows = [
        (Name(one.file), Name(one.texture), *_steps(one.seams), "yes" if one.seams.within else "no",
         f"{one.distance:.3f}", f"{one.repeats:.2f}")
        for one in result.tiles[:LISTED]
    ]  # fmt: skip
    header = ("tile", "texture", "rows", "columns", "ratio", "ordinary", "structure", "repeats")
    caption = (
        "The step across each seam over the mean step inside (1 is no seam); structure, repeats"
    )
    return Table(header, rows, "llrrrlrr", f"{caption}{_more(len(result.tiles))}")


def _steps(seams: Seams) -> tuple[str, ...]:
    return tuple(f"{one:.2f}" for one in (seams.rows.ratio, seams.columns.ratio, seams.ratio))


def _more(count: int) -> str:
    return f" (the first {LISTED} of {count})" if count > LISTED else ""


def _truncations(result: LogosReport) -> list[Block]:
    rows = [
        tuple(number(row[key]) for key in ("truncation", "precision", "recall"))
        for row in result.precision_recall
    ]
    if not rows:
        return []
    about = f"Logos were drawn at truncation {result.truncation:g}"
    return [Table(("truncation", "precision", "recall"), rows, "rrr", about)]


def _logos(result: LogosReport) -> Table:
    rows = [
        (*map(Name, (one.file, one.kind, one.main or "–", one.nearest_name)), f"{one.distance:.3f}")
        for one in result.logos[:LISTED]
    ]
    header = ("logo", "kind", "colour", "nearest training image", "distance")
    return Table(header, rows, "llllr", f"Each logo{_more(len(result.logos))}")
