"""Report of `evaluate`: a page for each run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .. import images
from ..reports.language import Name
from ..reports.page import Block, Charts, Page, Picture, Pictures, Section, Table, Text
from ..reports.tables import number
from ..storage.run import Run
from .card import MOST_CLASSES, data_card, health, how_made, limits, moment, recipe
from .headline import headline
from .result import Evaluation, Grids
from .score_tables import counts, ideal, numbers
from .scores import SCORES
from .verdict import BAD, GOOD

EVALUATION = "evaluation.json"
GRIDS = 6  # pictures of the course of training
TICKS = 12  # rows of the table of curves
HEADER = ("score", "value", "95 % interval", "floor", "best", "meaning")
SIDES = "lrrrll"


def write_report(run: Run, results: Evaluation, lang: str = "") -> tuple[Path, Path]:
    """Write report.html, one self-contained file, and report.md, which links to samples/; and
    evaluation.json, from which other pages know what was measured.

    Args:
        results: of `evaluate`, for this run.
        lang: "en" or "zh"; "": the environment variable GANVAS_LANG, or else en.

    Raises:
        RunError: the folder cannot be written.
        DataError: a picture in samples/ is broken.
    """
    sections = [
        Section("Samples", samples(run, results.pictures, results.model)),
        Section("Scores", _scores(results)),
        Section("Nearest training images", _neighbours(results)),
        Section("Course of training", over_time(run)),
        Section("Curves", curves(run)),
        Section("Health", health(run)),
        Section("Classes", _classes(results)),
        Section("Fidelity and variety", _truncation(results)),
        Section("Data", data_card(run)),
        Section("Limits", limits(run, results)),
        Section("Origin", how_made(run, results)),
        Section("Recipe", recipe(run)),
    ]
    page = Page(
        title=Name(run.folder.absolute().name),
        verdict=f"{headline(results)}.",
        tone=_tone(results),
        reasons=[_sentence(results), *results.verdict.notes, *_gate(run, results)],
        lines=_about(run, results),
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {(run.info.get('versions') or {}).get('ganvas', '')}".strip() + ".",
    )
    run.write("report.html", page.html(lang))
    run.write("report.md", page.markdown(lang))
    run.write_json(EVALUATION, {"headline": page.verdict, **results.to_dict()})
    return run.folder / "report.html", run.folder / "report.md"


def _score_rows(result: Evaluation) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, score in result.scores.items():
        meaning = SCORES[name].meaning
        if score.value is None:
            meaning = f"no value: {score.why or 'no reason given'}"
        rows.append((Name(name), *numbers(score), ideal(name), meaning))
    return rows


def _sentence(results: Evaluation) -> str:
    """What the images are, and what to do."""
    sentence = results.verdict.sentence
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _tone(results: Evaluation) -> str:
    if results.gate.passed is False or results.verdict.name in BAD:
        return "bad"
    return "good" if results.gate.passed or results.verdict.name in GOOD else ""


def _gate(run: Run, results: Evaluation) -> list[str]:
    """Whether the gate passed, and its bounds, or those that failed; nothing without a gate."""
    bounds = [f"{k} = {v:g}" for k, v in run.config.gate.model_dump().items() if v is not None]
    if results.gate.passed is None:
        return []
    if results.gate.passed:
        return [f"✓ The gate passed: {', '.join(bounds)}"]
    return [f"✗ The gate failed: {sentence}" for sentence in results.gate.failed]


def _about(run: Run, results: Evaluation) -> list[str]:
    info = run.info
    data = info.get("data") or {}
    facts = [f"recipe {info['recipe']}"] if info.get("recipe") else []
    facts += [f"{data['count']:,} images of {data['source']}"] if data else []
    facts += [f"model {results.model}", f"scored {moment(results.evaluated)}"]
    return [" · ".join(facts)]


def samples(run: Run, pictures: Grids, model: str) -> list[Block]:
    """Grids of fakes and real images. Markdown links to the files in samples/.

    Args:
        model: file of the generator: the grid that is nearest in kimg is shown, if there is no
            other.
    """
    grids, reals = _grids(run), run.folder / "samples" / "reals.png"
    shown = []
    fake, kimg = pictures.samples, _kimg(model)
    file = grids[min(grids, key=lambda k: abs(k - kimg))] if grids else None
    if fake is None and file is not None:
        fake = images.read(file)
    if fake is not None:
        link = f"samples/{file.name}" if file is not None else ""
        shown.append(Picture(fake, "A grid of generated images", "Generated, not selected", link))
    real = pictures.reals
    if real is None and reals.exists():
        real = images.read(reals)
    if real is not None:
        link = "samples/reals.png" if reals.exists() else ""
        shown.append(Picture(real, "A grid of real images", "Real images", link))
    return [Pictures(shown)] if shown else []


def _scores(results: Evaluation) -> list[Block]:
    text = (
        "The floor is the score of the same number of real images in place of the generated "
        "ones: a perfect generator reaches the floor, not 0 or 1."
    )
    return [Table(HEADER, _score_rows(results), SIDES, counts(results), notes=True), Text(text)]


def _neighbours(results: Evaluation) -> list[Block]:
    grid = results.pictures.neighbours
    if grid is None:
        return []
    alt = "Rows of a generated image followed by the training images nearest to it"
    caption = "Each row: a generated image, then the training images that are most similar to it"
    text = "Similar images are expected; an identical image would be a copy."
    score = results.scores.get("near_copies")
    if score and score.value is not None:
        value, interval, floor = numbers(score)
        text += f" near_copies is {value} ({interval}); of held-out images it is {floor}."
    return [Text(text), Pictures([Picture(grid, alt, caption)], "one")]


def over_time(run: Run) -> list[Block]:
    grids = _grids(run)
    if len(grids) < 2:
        return []
    shown = [
        Picture(
            images.read(grids[kimg]),
            f"Generated images after {kimg} thousand training images",
            f"{kimg} kimg",
            f"samples/{grids[kimg].name}",
            most=600,
        )
        for kimg in _spread(sorted(grids), GRIDS)
    ]
    text = "Images of the same noise, after different numbers of training images (kimg: thousand)."
    return [Text(text), Pictures(shown, "small")]


def curves(run: Run) -> list[Block]:
    from ..reports import charts

    rows, best = run.rows(), run.best
    if not rows:
        return []
    logged = {key for row in rows for key in row}
    scores = [f"score/{name}" for name in SCORES if f"score/{name}" in logged]
    kimg, drawn = [row["kimg"] for row in rows], []
    for title, keys in (
        ("Losses", ("discriminator", "generator")),
        ("Logits of the discriminator", ("real", "fake")),
    ):
        series = {key: [row.get(key, np.nan) for row in rows] for key in keys}
        drawn.append((title, charts.lines(series, kimg, "kimg")))
    for key in scores:
        name = key.removeprefix("score/")
        scored = [row for row in rows if key in row]
        svg = charts.lines(
            {name: [row[key] for row in scored]},
            [row["kimg"] for row in scored],
            "kimg",
            best=best.get("kimg"),
            floor=(best.get("floor") or {}).get(name),
        )
        drawn.append((f"{name} during training, {SCORES[name].better} is better", svg))
    columns = ("kimg", "discriminator", "generator", "real", "fake", *scores)
    picked = [row for row in rows if scores and scores[0] in row] or rows
    table = [[number(row.get(key)) for key in columns] for row in _spread(picked, TICKS)]
    header = [*columns[:5], *(Name(score.removeprefix("score/")) for score in scores)]
    caption = "Losses, logits and scores over the run"
    if best:
        caption += f"; the best model, by {best['by']}, is from {best['kimg']:g} kimg"
    return [Charts(drawn, Table(header, table, "r" * len(columns), caption))]


def _classes(results: Evaluation) -> list[Block]:
    from ..reports import charts

    classes = results.classes
    if not classes:
        return []
    rows = list(zip(classes.names, classes.real, classes.fake, strict=True))
    caption = "Share of each class"
    if len(rows) > MOST_CLASSES:
        off = sorted(range(len(rows)), key=lambda i: -abs(rows[i][1] - rows[i][2]))[:MOST_CLASSES]
        caption += f" (of {len(rows):,} classes the {MOST_CLASSES} with the largest difference)"
        rows = [rows[i] for i in sorted(off)]
    names, real, fake = zip(*rows, strict=True)
    cells = [(Name(name), f"{100 * r:.1f} %", f"{100 * f:.1f} %") for name, r, f in rows]
    table = Table(("class", "real", "generated"), cells, "lrr", caption)
    return [Charts([(caption, charts.bars(names, real, fake))], table)]


def _truncation(results: Evaluation) -> list[Block]:
    from ..reports import charts

    rows = results.truncation
    if not rows:
        return []
    keys, x = ("precision", "recall"), [row.truncation for row in rows]
    series = {"precision": [row.precision for row in rows], "recall": [row.recall for row in rows]}
    text = (
        "Truncation below 1 scales the noise down: images become more typical and less varied. "
        "All other numbers of this report were measured with truncation 1."
    )
    cells = [[number(n) for n in (row.truncation, row.precision, row.recall)] for row in rows]
    caption = "Precision and recall against truncation"
    table = Table(("truncation", *keys), cells, "rrr", caption)
    svg = charts.lines(series, x, "truncation", shares=True)
    return [Text(text), Charts([(caption, svg)], table)]


def _grids(run: Run) -> dict[int, Path]:
    """kimg -> file, of the grids in samples/."""
    files = (run.folder / "samples").glob("*.png")
    return {int(file.stem): file for file in files if re.fullmatch(r"[0-9]+", file.stem)}


def _kimg(model: str) -> int:
    found = re.search(r"([0-9]+)\.keras$", model)
    return int(found[1]) if found else 0


def _spread(items: Iterable[Any], most: int) -> list[Any]:
    """At most `most` items, evenly spaced, with the first and the last."""
    every = list(items)
    if len(every) <= most:
        return every
    return [every[i] for i in np.linspace(0, len(every) - 1, most).round().astype(int)]
