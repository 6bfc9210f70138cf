"""The later sections of the report: every attack, controls, what was off, record, signatures."""

from __future__ import annotations

from ...reports.forms import Signatures
from ...reports.language import Name
from ...reports.page import Block, Items, Picture, Pictures, Table, Text
from ...reports.tables import number
from .phrases import capital, percent
from .result import AuditReport, Result
from .terms import CRITERIA, TERMS

NOT_TESTED = (
    "Attackers who see several versions of the generator, or its states during training.",
    "Attacks that train a model of their own for this generator (shadow models, LiRA).",
    "Copies of a small part of an image.",
    "What can be inferred with other knowledge, such as photographs on the web.",
    "Human inspection of the images: examine the pairs above, and more.",
)
_HEADER = ("attack", "value", "95 % interval", "held out", "p", "what p tests", "what the value is")


def attacks(results: AuditReport) -> list[Block]:
    """A table for each criterion, with the p-value and the statement that it tests."""
    count = sum(test.p is not None for test in results.tests.values())
    blocks: list[Block] = [
        Text(
            "p is the probability of so clear a result if training and held-out images had been "
            "assigned at random. It tests the statement beside it, not the value. It is adjusted "
            f"for all {count} attacks that were run (Holm): the probability that any of them "
            f"raises a false alarm is at most {results.alpha:g}. At or below {results.alpha:g} an "
            "attack counts as a leak, marked by an exclamation mark."
        )
    ]
    for title, (question, names) in CRITERIA.items():
        rows = [_row(TERMS[n], results.tests[n]) for n in names if not results.tests[n].why]
        if rows:
            blocks += [
                Text(f"{title}. {question}"),
                Table(_HEADER, rows, "lrrrrll", f"{title}: attacks", notes=True),
            ]
    return blocks


def _row(term: str, test: Result) -> tuple[str, ...]:
    bounded = test.low is not None and test.high is not None
    interval = f"{number(test.low)} to {number(test.high)}" if bounded else "–"
    p = "–" if test.adjusted is None else f"{test.adjusted:.2g}{' !' if test.leak else ''}"
    statistic = test.more.get("statistic", "–")
    return (
        term, number(test.value), interval, number(test.holdout), p, statistic, test.meaning
    )  # fmt: skip


def pairs(results: AuditReport) -> list[Block]:
    """Pictures of generated images beside their nearest real ones."""
    captions = {
        "train": "With training images: pairs of a generated image and, to its right, its nearest "
        "real image",
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


def power(results: AuditReport) -> list[Block]:
    """Power, the controls, and the rates at few false alarms."""
    c = results.controls
    rates = [
        f"{capital(TERMS[name])}: at 0.1 % false alarms {percent(at['value'])} of the training "
        "images are exposed."
        for name, test in results.tests.items()
        if (at := test.more.get("rates", {}).get("0.001")) and at["value"] is not None
    ]
    bounds = [
        f"{capital(TERMS[name])}: epsilon of the training is at least "
        f"{test.more['epsilon']:.2g}, at 95 % confidence."
        for name, test in results.tests.items()
        if test.more.get("epsilon")
    ]
    return [
        Items([
            f"Power: {results.power.meaning} (nine times in ten).",
            _positive(results),
            f"Negative control: half of the training images, tested against the other half, "
            f"{'WERE' if c.unlike else 'were not'} flagged. They would be flagged if training part "
            "and holdout were not alike.",
            f"Negative control: held-out images in place of the generated ones "
            f"{'WERE' if c.false_alarm else 'were not'} flagged.",
            *rates,
            *bounds,
        ])
    ]  # fmt: skip


def _positive(results: AuditReport) -> str:
    c = results.controls
    if not c.enough:
        return (
            "Positive control: none is possible. There are too few people, or images, for any "
            "number of copies to be significant."
        )
    flagged = "were" if c.found else "were NOT"
    sentence = (
        f"Positive control: {percent(c.planted)} noisy copies of training images among "
        f"{c.images:,} blends of training and held-out images {flagged} flagged; "
        f"{percent(c.recovered)} of them were matched with their original."
    )
    if not c.found and results.found:
        sentence += " This concerns leaks that were not found; those that were found stand."
    return sentence


def bound(results: AuditReport) -> list[Block]:
    """The guarantee of differential privacy."""
    given = results.bound
    if not given:
        return [Text("There is none: the generator was not trained with differential privacy.")]
    return [
        Items([
            f"Epsilon {given['epsilon']:.3g} at delta {given['delta']:g}, after "
            f"{given['steps']:,} turns on a sample of {percent(given['rate'])} with noise "
            f"{given['noise']:.3g}.",
            f"The unit is one {given['unit']}. For k images of one person epsilon is about k times "
            "as large.",
            "It holds for the generator's weights and for all images drawn from them. It does not "
            "hold for the run folder, whose seed cancels the noise, nor for choices that used the "
            "data, such as this recipe.",
        ])
    ]  # fmt: skip


def utility(results: AuditReport) -> list[Block]:
    """How useful the generated images are."""
    test = results.tests["utility"]
    if test.value is None:
        return [Text(f"It was not measured: {test.why}.")]
    return [Table(_HEADER, [_row(TERMS["utility"], test)], "lrrrrll", "Utility", notes=True)]


def missing(results: AuditReport) -> list[Block]:
    """What was switched off or could not be run, and what no audit of ganvas tests."""
    off = [
        f"{capital(TERMS[name])}: {test.why}."
        for name, test in results.tests.items()
        if test.why and name != "utility"
    ]
    identity = results.tests["identity"]
    if identity.more.get("embedder") == "general":
        off.append(
            "No embedder of faces was named. Identities were matched by general image features, "
            "which see less of them: give --embedder FILE."
        )
    blocks: list[Block] = [Text("Off, or impossible, in this audit:"), Items(off)] if off else []
    return [*blocks, Text("Not tested by any audit of ganvas:"), Items(NOT_TESTED)]


def reading(results: AuditReport) -> list[Block]:
    """What the evidence is, and is not."""
    return [
        Text(
            "This page is evidence about one generator and these attacks. Whether images made by "
            "it are personal data is a question of law and of the means that are reasonably likely "
            "to be used (GDPR, recital 26; EDPB Opinion 28/2024). People answer it case by case, "
            "and again when attacks get better. Singling out, linkability and inference are the "
            "three tests of Opinion 05/2014 of the Article 29 Working Party."
        )
    ]


def record(results: AuditReport) -> list[Block]:
    """Date, version, sha256 and options."""
    kept = results.record
    hashes = kept.get("sha256", {})
    options = ", ".join(
        f"{key} {value}" for key, value in kept.get("options", {}).items() if value is not None
    )
    embedder = results.tests["identity"].more
    rows = [
        ("subject", Name(results.subject)),
        ("date of the audit", kept.get("date", "–")),
        ("tool", f"ganvas {kept.get('version', '')}"),
        ("purpose of the processing", Name(kept.get("purpose") or "") or "not stated (--purpose)"),
        ("sha256, model", hashes.get("model") or "no model: images were given"),
        ("sha256, generated images", hashes.get("generated_images", "–")),
        ("sha256, training images", hashes.get("training_images", "–")),
        ("sha256, held-out images", hashes.get("held_out_images", "–")),
        ("embedder", embedder.get("embedder", "none")),
        ("sha256, embedder", embedder.get("embedder_sha256", "–")),
        ("options", Name(options)),
    ]
    return [
        Text("The sha256 of images is that of their pixels as they were read, in their order."),
        Table(("", "value"), rows, "ll", "What was audited, when and how", notes=True),
    ]


def signatures() -> list[Block]:
    """Lines to fill in."""
    return [
        Signatures(
            ("Audited by", "Controller", "Data protection officer"),
            ("release", "release with the remedies above", "do not release", "audit again on: "),
        )
    ]
