"""The report of an audit: a self-contained page, and report.json beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...base.files import write_file, write_json
from ...images import grid
from ...reports.page import Block, Items, Page, Picture, Pictures, Section, Table, Text
from ...reports.tables import aligned, number
from .case import Case
from .copying import Pairs
from .result import AuditReport

TOP = 20
CRITERIA = {
    "Singling out": (
        "Can one person's record be picked out or taken from the generator?",
        ("near_copies_pixels", "near_copies_features", "membership_search"),
    ),
    "Linkability": (
        "Can a record be linked to the training images, or a fake to a person among them?",
        ("identity", "membership_nearest", "membership_crowd", "membership_discriminator",
         "set_membership"),
    ),
    "Inference": (
        "Do the fakes reveal more about a person in the training images than about anyone else?",
        ("label_inference",),
    ),
}  # fmt: skip
NOT_TESTED = (
    "Attackers who see several versions of the generator, or its states during training.",
    "Attacks that train a model of their own for this generator (shadow models, LiRA).",
    "Copies of a part of an image; copies that are rotated, stretched or recoloured.",
    "What can be inferred with other knowledge, such as photographs on the web.",
    "Human inspection of the images: examine the pairs below, and more.",
)
HEADER = ("test", "value", "95 % interval", "held out", "p, adjusted", "meaning")


def write_report(folder: str | Path, results: AuditReport) -> tuple[Path, Path]:
    """Write report.html and report.json into a folder, and return their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "report.html", folder / "report.json"
    write_file(page, _page(results).html())
    write_json(data, plain(results))
    return page, data


def plain(results: AuditReport) -> dict[str, Any]:
    """For JSON: all but the pictures; the same as `results.to_dict()`."""
    return results.to_dict()


def table(results: AuditReport) -> str:
    """The tests as aligned text."""
    rows = [HEADER[:5], *(row[:5] for row in _rows(results, results.tests))]
    lines = [f"verdict: {results.verdict}", results.power.meaning, *results.notes]
    return "\n".join([aligned(rows, "lrrrr"), "", *lines])


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
    sections = [Section("What was found", _overview(results))]
    for title, (question, names) in CRITERIA.items():
        rows = _rows(results, names)
        caption = f"{title}: tests"
        sections.append(
            Section(title, [Text(question), Table(HEADER, rows, "lrrrrl", caption, notes=True)])
        )
    sections += [
        Section("The most suspicious pairs", _pairs(results)),
        Section("Which leak could be detected", _controls(results)),
        Section("Formal bound", _bound(results)),
        Section("Utility of the fakes", _utility(results)),
        Section("What was not tested", [Items([*_missing(results), *NOT_TESTED])]),
        Section("How to read this", _reading()),
    ]
    tone = {"leak found": "bad"}.get(results.verdict, "")
    return Page(
        title=Path(results.subject).name or "images",
        verdict=_capital(results.verdict),
        tone=tone,
        reasons=[f"{_capital(results.power.meaning)}.", *results.notes],
        lines=[
            f"{results.n_fake:,} generated images · {results.n_train:,} training images · "
            f"{results.n_holdout:,} held out"
        ],
        sections=[section for section in sections if section.blocks],
        footer=f"Made by ganvas {__version__}.",
        kind="Privacy evidence report",
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _overview(results: AuditReport) -> list[Block]:
    if results.found:
        sentence = f"These tests found a leak of training images: {', '.join(results.found)}."
    else:
        sentence = "No test found more traces of training images than of held-out images."
    return [
        Text(sentence),
        Text(
            f"The probability that any of these tests raises a false alarm is at most "
            f"{results.alpha:g} (Holm's rule over all tests)."
        ),
    ]


def _rows(results: AuditReport, names: Iterable[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name in names:
        test = results.tests[name]
        bounded = test.low is not None and test.high is not None
        interval = f"{number(test.low)} to {number(test.high)}" if bounded else "–"
        meaning = f"not tested: {test.why}" if test.why else test.meaning
        p = "–" if test.adjusted is None else f"{test.adjusted:.2g}{' !' if test.leak else ''}"
        rows.append((name, number(test.value), interval, number(test.holdout), p, meaning))
    return rows


def _pairs(results: AuditReport) -> list[Block]:
    captions = {
        "train": "With training images: pairs of a fake and, to its right, its nearest real image",
        "holdout": "With held-out images, which cannot have been copied",
    }
    shown = [
        Picture(results.pictures[name], caption, caption)
        for name, caption in captions.items()
        if name in results.pictures
    ]
    text = (
        "Sorted by distance relative to the next ten images, the closest first. The pictures show "
        "real images: this page is as confidential as they are."
    )
    return [Text(text), Pictures(shown)] if shown else []


def _controls(results: AuditReport) -> list[Block]:
    c = results.controls
    rates = [
        f"{name}: at 0.1 % false alarms {number(at['value'])} are exposed, "
        f"and epsilon is at least {test.more['epsilon']:.2g} at 95 % confidence"
        for name, test in results.tests.items()
        if (at := test.more.get("rates", {}).get("0.001"))
    ]
    return [
        Items([
            f"Power: {results.power.meaning} (nine times in ten).",
            f"Positive control: {100 * c.planted:.2g} % noisy copies of training images among "
            f"{c.images:,} held-out ones {'were' if c.found else 'were NOT'} flagged; "
            f"{100 * c.recovered:.3g} % of them were matched with their original.",
            f"Negative control: half of the training images, tested against the other half, "
            f"{'WERE' if c.unlike else 'were not'} flagged. They would be flagged if training part "
            "and holdout were not alike.",
            f"Negative control: the same held-out images without copies "
            f"{'WERE' if c.false_alarm else 'were not'} flagged.",
            *rates,
        ])
    ]  # fmt: skip


def _bound(results: AuditReport) -> list[Block]:
    bound = results.bound
    if not bound:
        return [Text("None: it was not trained with differential privacy.")]
    return [
        Items([
            f"Epsilon {bound['epsilon']:.3g} at delta {bound['delta']:g}, after {bound['steps']:,} "
            f"turns on a sample of {100 * bound['rate']:.3g} % with noise {bound['noise']:.3g}.",
            f"The unit is one {bound['unit']}. For k images of one person epsilon is about k times "
            "as large.",
            "It holds for the generator's weights and for all images drawn from them. It does not "
            "hold for the run folder, whose seed cancels the noise, nor for choices that used the "
            "data, such as this recipe.",
        ])
    ]  # fmt: skip


def _utility(results: AuditReport) -> list[Block]:
    test = results.tests["utility"]
    if test.value is None:
        return [Text(f"Not measured: {test.why}.")]
    return [Table(HEADER, _rows(results, ["utility"]), "lrrrrl", "Utility", notes=True)]


def _missing(results: AuditReport) -> list[str]:
    return [f"{name}: {test.why}." for name, test in results.tests.items() if test.why]


def _reading() -> list[Block]:
    return [
        Text(
            "This page is evidence about one generator and these attacks. Whether images made by "
            "it are personal data is a question of law and of the means that are reasonably likely "
            "to be used (GDPR, recital 26; EDPB Opinion 28/2024). People answer it case by case, "
            "and again when attacks get better. Singling out, linkability and inference are the "
            "three tests of Opinion 05/2014, by which the evidence is ordered here."
        )
    ]
