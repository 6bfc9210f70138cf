"""The report of an audit: a self-contained page, and report.json beside it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...base.files import write_file, write_json
from ...images import grid
from ...reports.language import Name
from ...reports.page import Block, Items, Page, Section, Table, Text
from ...reports.tables import aligned, number
from . import details, findings
from .advice import remedies
from .case import Case
from .copying import Pairs
from .opinion import grid as opinion_grid
from .phrases import capital, percent
from .result import AuditReport
from .terms import TERMS, short

TOP = 20
LISTED = 30
WIDE = 80  # columns of a terminal
HEADER = ("test", "value", "95 % interval", "held out", "p, adjusted")


def write_report(folder: str | Path, results: AuditReport, lang: str = "") -> tuple[Path, Path]:
    """Write report.html and report.json into a folder, and return their paths.

    Args:
        lang: of the page, "en" or "zh"; "": by GANVAS_LANG, else en.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "report.html", folder / "report.json"
    write_file(page, _page(results).html(lang))
    write_json(data, plain(results))
    return page, data


def plain(results: AuditReport) -> dict[str, Any]:
    """For JSON: all but the pictures; the same as `results.to_dict()`."""
    return results.to_dict()


def table(results: AuditReport) -> str:
    """The findings and the tests as text of 80 columns; tests have the names that JSON gives."""
    rows: list[tuple[str, ...]] = [HEADER]
    for name, test in results.tests.items():
        bounded = test.low is not None and test.high is not None
        interval = f"{number(test.low)} to {number(test.high)}" if bounded else "–"
        p = "–" if test.adjusted is None else f"{test.adjusted:.2g}{' !' if test.leak else ''}"
        rows.append((name, number(test.value), interval, number(test.holdout), p))
    lines = [findings.headline(results), findings.affected(results), findings.severity(results)]
    after = [f"verdict: {results.verdict}", capital(results.power.meaning), *results.notes]
    before, below = ([textwrap.fill(line, WIDE) for line in some] for some in (lines, after))
    return "\n".join([*before, "", aligned(rows, "lrrrr"), "", *below])


def pair_grid(case: Case, pairs: Pairs) -> dict[str, np.ndarray]:
    """Pictures of the most suspicious pairs: a fake, and to its right its nearest real image."""
    shown, members = {}, len(case.train)
    for name, mine in (("train", pairs.rows < members), ("holdout", pairs.rows >= members)):
        which = np.flatnonzero(mine)[np.argsort(pairs.ratios[mine], kind="stable")][:TOP]
        if not len(which):
            continue
        part, offset = (case.train, 0) if name == "train" else (case.holdout, members)
        beside = part.pixels(pairs.rows[which] - offset)
        both = np.stack([case.fakes[which], beside], axis=1)
        shown[name] = grid(both.reshape(-1, *both.shape[2:]), 8)
    return shown


def _page(results: AuditReport) -> Page:
    sections = [
        Section("What was found", _summary(results)),
        Section("Cautions", [Items(results.notes)] if results.notes else []),
        Section("Risks by the three tests of Opinion 05/2014", _risks(results)),
        Section("People by exposure" if results.people else "Images by exposure", _who(results)),
        Section("What to do", _remedies(results)),
        Section("Coverage by EDPB Opinion 28/2024", _opinion(results)),
        Section("All attacks", details.attacks(results)),
        Section("The most suspicious pairs", details.pairs(results)),
        Section("Which leak could be detected", details.power(results)),
        Section("Formal bound", details.bound(results)),
        Section("Utility of the generated images", details.utility(results)),
        Section("What was off, and what was not tested", details.missing(results)),
        Section("How to read this", details.reading(results)),
        Section("Record", details.record(results)),
        Section("Decision and signatures", details.signatures()),
    ]
    people = f" of {results.people[0]:,} people" if results.people else ""
    others = f" of {results.people[1]:,} other people" if results.people else ""
    return Page(
        title=Name(Path(results.subject).name) or "images",
        verdict=findings.headline(results),
        tone="bad" if results.found or not findings.valid(results) else "",
        reasons=[],
        lines=[
            f"{results.n_fake:,} generated images · {results.n_train:,} training images{people} · "
            f"{results.n_holdout:,} held-out images{others}",
            f"Purpose: {results.record.get('purpose') or 'not stated'} · "
            f"{results.record.get('date', '')}",
        ],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {__version__}.",
        kind="Privacy evidence report",
    )


def _summary(results: AuditReport) -> list[Block]:
    rows = [
        ("Found", findings.found(results)),
        ("Who is affected", findings.affected(results)),
        ("How badly", findings.severity(results)),
        ("What to do", f"{findings.action(results)}{findings.next_step(results)}"),
    ]
    return [Table(("question", "answer"), rows, "ll", "The audit in four answers", notes=True)]


def _risks(results: AuditReport) -> list[Block]:
    rows = []
    for title, risk in findings.risks(results).items():
        if risk.value is None:
            rows.append((title, "–", "–", "–", "–", risk.status, "no attack could be run"))
            continue
        rows.append((
            title,
            percent(risk.value),
            f"{percent(risk.low)} to {percent(risk.high)}",
            f"{percent(risk.success)} of {risk.attacked:,}",
            f"{percent(risk.control)} of {risk.controls:,}",
            risk.status,
            f"{TERMS[risk.attack]}; counted in {risk.unit}",
        ))  # fmt: skip
    header = ("test", "risk", "95 % interval", "attack succeeds", "control", "result", "attack")
    return [
        Text(
            "The risk is the success of an attack on training images beyond its success on "
            "held-out ones (control): (attack - control) / (1 - control), as Anonymeter defines "
            "it. Where attacks found a leak, the row shows the one with the highest risk; else the "
            "one whose interval ends highest. The interval does not account for this choice. "
            "A leak can be found where the interval begins at 0: the finding then rests on the "
            "ranks of all images, see below."
        ),
        Table(header, rows, "lrrrrll", "Risks", notes=True),
    ]


def _who(results: AuditReport) -> list[Block]:
    who = findings.exposed(results)
    unit, one = ("person", "A person") if results.people else ("image", "An image")
    if not who:
        return [Text(f"No {unit} was shown to be exposed.")]
    matches = results.tests["identity"].more.get("matches", {})
    rows = [
        (Name(name), f"{len(by):,} of {len(results.found):,}",
         *([f"{matches.get(name, 0):,}"] if matches else []), short(by))
        for name, by in list(who.items())[:LISTED]
    ]  # fmt: skip
    header = (unit, "attacks", *(["images that match"] if matches else []), "exposed by")
    more = len(who) - len(rows)
    left = f" {more:,} more are in report.json." if more else ""
    return [
        Text(
            f"{one} is exposed if an attack with a leak ranks it above the held-out ones: at most "
            "1 % of these rank higher, and none where there are fewer than 100. Some may be listed "
            f"by chance.{left}"
        ),
        Table(header, rows, "lrrl" if matches else "lrl", "The most exposed first", notes=True),
    ]


def _remedies(results: AuditReport) -> list[Block]:
    rows = [(remedy.name, remedy.command, remedy.effect) for remedy in remedies(results)]
    header = ("remedy", "command", "expected effect")
    return [Table(header, rows, "lll", "Remedies, the quickest first", notes=True)]


def _opinion(results: AuditReport) -> list[Block]:
    rows = [(row.attack, row.status, row.how) for row in opinion_grid(results)]
    return [
        Text(
            "The opinion asks for tests against attacks such as these. A row counts as tested if "
            "its strongest attack here was run, and as partly tested if only weaker ones were."
        ),
        Table(("attack", "status", "how"), rows, "lll", "Coverage", notes=True),
    ]
