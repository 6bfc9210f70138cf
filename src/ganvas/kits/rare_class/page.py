"""The report of a study: the verdict, the arms, the classes, the images, the leaks, the limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import __version__
from ...images import grid
from ...reports import charts
from ...reports.page import Block, Charts, Items, Page, Picture, Pictures, Section, Table, Text
from .drawing import FEW
from .folder import LIMITS
from .results import Arm, Verdict
from .study import Study

COLUMNS = FEW
TONES = {"helps": "good", "no evidence": "", "hurts": "bad"}
SCORES = ("recall", "precision", "auprc", "ece", "brier")


def report(study: Study, verdict: Verdict) -> Page:
    """The page, for HTML and for Markdown."""
    rare = ", ".join(verdict.about.rare)
    sections = [
        Section("Differences", _differences(verdict)),
        Section("Arms", _arms(verdict)),
        Section("Classes", _classes(verdict)),
        Section("Real and synthetic images", _pictures(study)),
        Section("Filters", _pools(verdict)),
        Section("Leaks", _leaks(verdict)),
        Section("Rules of the verdict", _rules(verdict)),
        Section("Limits", [Items([*verdict.warnings, LIMITS, _scope(verdict)])]),
    ]
    return Page(
        title=f"More images of {rare}",
        verdict=f"{verdict.word[:1].upper()}{verdict.word[1:]}: {verdict.sentence}",
        tone=TONES[verdict.word],
        reasons=[w for w in verdict.warnings if w.startswith("leak")],
        lines=[f"Test part: {verdict.about.tested_by}"],
        sections=sections,
        footer=f"Made by ganvas {__version__}.",
        kind="Report of a rare class",
    )


def arms_rows(verdict: Verdict) -> list[tuple[str, ...]]:
    """A header and a row per arm, for the terminal and the page."""
    rare = verdict.about.rare
    head = ("arm", "ratio", "validation", "test", "seeds",
            *(f"{name} {score}" for name in rare for score in ("recall", "precision")))  # fmt: skip
    return [head, *(_arm_row(arm, rare) for arm in verdict.arms)]


def _arm_row(arm: Arm, rare: Sequence[str]) -> tuple[str, ...]:
    own = [share(arm.classes[name][score]) for name in rare for score in ("recall", "precision")]
    ratio = f"{arm.ratio:g}" if arm.ratio else "–"
    spread = f"{share(arm.lowest)} to {share(arm.highest)}"
    return (arm.name, ratio, share(arm.valid), share(arm.test), spread, *own)


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _differences(verdict: Verdict) -> list[Block]:
    found = verdict.comparisons
    svg = charts.spans(
        [c.arm for c in found], [100 * c.value for c in found], [100 * c.low for c in found],
        [100 * c.high for c in found], f"points of balanced accuracy above {verdict.best_real}",
        zero=0.0,
    )  # fmt: skip
    rows = [(c.arm, f"{100 * c.value:+.2f}", f"{100 * c.low:+.2f} to {100 * c.high:+.2f}",
             f"{c.p:.3g}", f"{c.adjusted:.3g}") for c in found]  # fmt: skip
    caption = f"Against {verdict.best_real}: points of balanced accuracy on the test"
    head = ("arm", "difference", "95 % interval", "p", "p after Holm")
    return [Charts([(caption, svg)], Table(head, rows, "lrrrr", caption))]


def _arms(verdict: Verdict) -> list[Block]:
    head, *rows = arms_rows(verdict)
    plan = verdict.about.plan
    text = (
        f"Every arm: {plan.steps} steps of {plan.batch} images, the same classifier, {plan.seeds} "
        "seeds of generator and classifier, each with its own validation fold. Validation and test "
        "are balanced accuracy; ratio is synthetic to real in draws of a rare class, chosen on "
        "validation."
    )
    caption = "Means over seeds, and the lowest and highest seed on the test"
    return [Text(text), Table(head, rows, "l" + "r" * (len(head) - 1), caption)]


def _classes(verdict: Verdict) -> list[Block]:
    shown, rare = {verdict.best_real, verdict.best_gan, "real"}, verdict.about.rare
    rows = [
        (name, arm.name, *(share(arm.classes[name][score]) for score in SCORES))
        for name in [*rare, *(n for n in verdict.about.classes if n not in rare)]
        for arm in verdict.arms
        if arm.name in shown or name in rare
    ]
    text = (
        "Each class against the rest, on the test. auprc: area under the precision-recall curve. "
        "ece: expected calibration error. brier: squared error of the probabilities. Rare classes "
        "with all arms; the others with the arms that were compared."
    )
    head = ("class", "arm", *SCORES)
    return [Text(text), Table(head, rows, "ll" + "r" * len(SCORES), "Scores by class")]


def _pictures(study: Study) -> list[Block]:
    material, shown = study.material, []
    for c in material.rare:
        name = material.names[c]
        real = material.learn.images[material.learn.labels == c][: 2 * COLUMNS]
        fake = np.concatenate([study.pool(s).of(c)[:COLUMNS] for s in range(study.plan.seeds)])
        shown += [
            Picture(_sheet(real), f"Real images of {name}", f"Real: {name}"),
            Picture(_sheet(fake), f"Synthetic images of {name}",
                    f"Synthetic: {name}, a row per generator, not selected"),
        ]  # fmt: skip
    return [Pictures(shown)]


def _sheet(images: np.ndarray) -> np.ndarray:
    sheet = grid(images, COLUMNS)
    return sheet[..., :1] if sheet.shape[2] == 2 else sheet


def _pools(verdict: Verdict) -> list[Block]:
    rows = []
    for seed, counts in enumerate(verdict.about.pools):
        for name in verdict.about.rare:
            one = counts[name]
            rows.append((name, str(seed), *(str(one[key]) for key in
                         ("drawn", "near_copies", "disagreed", "kept")),
                         " and ".join(one["filters"]) or "none"))  # fmt: skip
    text = (
        "The filters leave out near-copies of training images, and images for which a classifier "
        "of the training fold gives a very low probability of the class. A filter that would "
        f"leave fewer than {FEW} is not used."
    )
    head = ("class", "seed", "drawn", "near-copies", "unlike the class", "kept", "filters")
    return [Text(text), Table(head, rows, "lrrrrrl", "Synthetic images")]


def _leaks(verdict: Verdict) -> list[Block]:
    found = verdict.leaks
    lines = [
        f"{found.test_images_learnt_from} test images are also training images, and "
        f"{found.test_images_nearly_learnt_from} are near-copies of one; "
        f"{found.left_out_of_the_test} were left out of the test.",
        f"{found.synthetic_copies_of_test_images} of {found.synthetic:,} synthetic images "
        f"are near-copies of a test image ({found.low:.2%} to {found.high:.2%}).",
        "Training, validation and test share no image"
        + (" and no group." if verdict.about.unit == "group" else "; no groups were given."),
    ]
    return [Items(lines)]


def _rules(verdict: Verdict) -> list[Block]:
    return [
        Items(
            [
                f"On validation folds, never on the test, '{verdict.best_real}' was chosen as the "
                f"best arm without synthetic images, '{verdict.best_gan}' as the best with them, "
                "and the ratios.",
                "helps: one of gan and classical + gan is better than that arm on the test, at "
                "0.05 after Holm, and its intervals against every arm without synthetic images "
                "lie above 0.",
                "hurts: the arm that validation would choose is worse, at 0.05 after Holm, with an "
                "interval below 0.",
                f"The interval adds two variances: of test {verdict.about.unit}s drawn with "
                "replacement, the same for both arms, and of the seeds, by Student's t.",
            ]
        )
    ]


def _scope(verdict: Verdict) -> str:
    return (
        "The verdict holds for these images, this classifier and this number of steps. The "
        "intervals cover the choice of test images, seeds and validation folds, not another "
        f"collection of {', '.join(verdict.about.rare)}."
    )
