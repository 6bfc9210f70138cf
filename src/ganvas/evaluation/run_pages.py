"""The report of a run, also of one that was not evaluated, and an index over several runs.

Needs no TensorFlow: nothing is measured here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__, images
from ..base.own_files import check_replaceable
from ..base.progress import counted, stage
from ..errors import GanvasError, RunError, UsageError
from ..reports.cards import Card, Cards
from ..reports.language import TAGS, Name, chosen
from ..reports.page import Block, Page, Picture, Section, Table, Text
from ..reports.tables import number
from ..storage.run import Run, list_runs
from ..storage.summary import RunSummary, differences, summary
from .card import data_card, health, recipe
from .headline import unjudged, written
from .result import Grids
from .score_report import EVALUATION, curves, over_time, samples

REPORT, INDEX = "report.html", "index.html"
MOST_KEYS = 8
"""Keys of the recipe in the table of what differs."""


def evaluated(run: Run) -> dict[str, Any]:
    """What `evaluate` found of the model that is the best now; empty if it saw another one."""
    found, model = run.read_json(EVALUATION), run.model()
    same = model is not None and found.get("model") == f"models/{model.name}"
    return found if same and isinstance(found.get("headline"), str) else {}


def sentence_of(run: Run) -> str:
    """The first sentence of its report."""
    return evaluated(run).get("headline") or f"{unjudged(run.best)}."


def report_of(run: Run, lang: str = "") -> Path:
    """The page of a run: that of its evaluation, in the language of it, or else one of what the
    training has measured, which is written.

    Raises: UsageError: a file of that name that ganvas did not write.
    """
    path = run.folder / REPORT
    newer = path.is_file() and _newer(path, run.folder / "log.jsonl")
    if path.is_file() and (evaluated(run) or (newer and in_language(path, lang))):
        return path
    check_replaceable(path)
    run.write(REPORT, _page(run).html(lang))
    return path


def in_language(page: Path, lang: str = "") -> bool:
    """Whether a page is in this language."""
    with page.open(encoding="utf-8", errors="replace") as file:
        return f'<html lang="{TAGS[chosen(lang)]}">' in file.read(200)


def _newer(path: Path, log: Path) -> bool:
    """Whether a page was written after the last tick."""
    return not log.exists() or path.stat().st_mtime >= log.stat().st_mtime


def _page(run: Run) -> Page:
    """The report of a run that was not evaluated."""
    model = run.model()
    sections = [
        Section("Samples", samples(run, Grids(), model.name if model else "")),
        Section("Course of training", over_time(run)),
        Section("Curves", curves(run)),
        Section("Health", health(run)),
        Section("Data", data_card(run)),
        Section("Recipe", recipe(run)),
    ]
    return Page(
        title=Name(run.folder.absolute().name),
        verdict=sentence_of(run),
        tone="",
        reasons=[
            f"`ganvas evaluate {run.where}` measures how much of the images it covers, whether it "
            "copies them and which classes are too rare, with intervals"
        ],
        lines=[_facts(summary(run))],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {__version__}.",
    )


def _facts(one: RunSummary) -> str:
    length = f"{one.kimg:g}" + (f" of {one.target_kimg:g}" if one.target_kimg else "")
    facts = (f"recipe {one.recipe or 'not known'}", f"{length} kimg", one.state)
    return " · ".join([*facts, f"{one.seconds / 60:.1f} min of training"])


def index_of(folder: Path, lang: str = "") -> Path:
    """Write index.html of the runs directly in a folder, and the reports of those without one.

    Raises: RunError: there are none. UsageError: a file of that name that ganvas did not write.
    """
    runs = list_runs(folder)
    if not runs:
        raise RunError(f"{folder} holds no runs: give a run, or a folder of runs")
    check_replaceable(folder / INDEX)
    found = [summary(run) for run in runs]
    with stage("writing reports", len(runs), "runs") as writing:
        cards = [
            _card(run, one, lang)
            for run, one in counted(list(zip(runs, found, strict=True)), writing)
        ]
    page = Page(
        title=Name(folder.absolute().name),
        verdict=_lead(found),
        tone="",
        reasons=[],
        lines=[],
        sections=[
            Section("Runs", [Cards(cards)]),
            Section("Numbers", [_numbers(found)]),
            Section("What differs", _differences([Run(one.folder) for one in found if one.recipe])),
        ],
        footer=f"Made by ganvas {__version__}.",
        kind="Index of runs",
    )
    Run(folder).write(INDEX, page.html(lang))
    return folder / INDEX


def _card(run: Run, one: RunSummary, lang: str) -> Card:
    """A run with its newest grid; without a link if its report cannot be written."""
    link, picture = "", None
    with contextlib.suppress(GanvasError, OSError, ValueError, KeyError):
        link = f"{one.name}/{report_of(run, lang).name}"
    grids = sorted((run.folder / "samples").glob("[0-9]*.png"))
    with contextlib.suppress(GanvasError, IndexError):
        picture = Picture(
            images.read(grids[-1]), f"Generated images of {one.name}", "", most=480
        )  # fmt: skip
    return Card(Name(one.name), sentence_of(run), _facts(one), link, picture)


def _lead(found: Sequence[RunSummary]) -> str:
    """The best run by the score that most runs have: scores of two kinds do not compare."""
    names = [one.score for one in found if one.score]
    runs = f"{len(found)} run" + ("s" if len(found) > 1 else "")
    if not names:
        return f"{runs}, none of them with a score."
    by = max(names, key=names.count)
    some = [one for one in found if one.score == by and one.value is not None]
    best = min(some, key=lambda one: one.value or 0.0)
    real = f" where real images get {number(best.floor)}" if best.floor is not None else ""
    name = written(by, best.against)
    return f"{runs}. The best by {name} is {best.name}: {number(best.value)}{real}."


def _numbers(found: Sequence[RunSummary]) -> Table:
    rows = [
        (
            Name(one.name), Name(one.recipe or "–"), f"{one.kimg:g}", Name(one.score or "–"),
            number(one.value), number(one.floor), number(one.at_kimg), f"{one.seconds / 60:.1f}",
            one.state,
        )
        for one in found
    ]  # fmt: skip
    header = ("run", "recipe", "kimg", "score", "best", "floor", "at kimg", "minutes", "state")
    caption = "The best model of each run; the floor is what real images get"
    return Table(header, rows, "llrlrrrrl", caption)


def _differences(runs: Sequence[Run]) -> list[Block]:
    keys = differences(runs)
    if not keys:
        return [Text("All recipes are equal, or one run is alone.")]
    shown = list(keys)[:MOST_KEYS]
    rows = [
        (Name(run.folder.name), *(Name(keys[key][place]) for key in shown))
        for place, run in enumerate(runs)
    ]
    left_out = f"; {len(keys) - MOST_KEYS} more differ" if len(keys) > MOST_KEYS else ""
    return [
        Table(
            ("run", *map(Name, shown)),
            rows,
            "l" * (1 + len(shown)),
            f"Keys of the recipe{left_out}",
        )
    ]


def find(place: Path, lang: str = "") -> tuple[Path, str]:
    """The page of a run, of an exported model, of a job, or of a folder of runs, and its first
    sentence ("": it stands in the page). It is written where that is possible.

    Args:
        lang: of a page that is written: "en" or "zh"; "": by GANVAS_LANG, else en.

    Raises: RunError: there is nothing of that kind.
    """
    if (place / "config.toml").is_file():
        run = Run.open(place)
        return report_of(run, lang), sentence_of(run)
    versions = [one for one in place.glob("[0-9]*") if one.name.isdecimal()]
    inside = [place, *sorted(versions, key=lambda one: -int(one.name))]
    for name in (REPORT, "MODEL_CARD.md"):
        for folder in inside:
            if (folder / name).is_file():
                return folder / name, ""
    if not place.is_dir():
        Run.open(place)  # it names the run that may be meant
        raise UsageError(f"{place} is not a folder: give a run, a model or a folder of runs")
    return index_of(place, lang), ""
