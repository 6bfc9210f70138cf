"""The report of a study: the verdict, what to do, the arms, the images, the leaks, the limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import __version__
from ...images import grid
from ...reports.language import Name
from ...reports.page import Block, Charts, Items, Page, Picture, Pictures, Section, Table, Text
from . import concluding, plots
from .drawing import FEW
from .folder import LIMITS
from .results import Verdict
from .study import Study
from .tables import arms_rows, between, changes_rows, share, words_rows

COLUMNS = FEW
TONES = {"helps": "good", "no evidence": "", "hurts": "bad"}
SCORES = ("recall", "precision", "auroc", "auprc", "ece", "brier")
CHANGES = ("arm", "against", "AUROC", "95 % interval", "p, Holm", "verdict")


def report(study: Study, verdict: Verdict, model: dict[str, Any] | None) -> Page:
    """The page, for HTML and for Markdown.

    Args:
        model: what classifier.json holds; None if no model was written.
    """
    rare = ", ".join(verdict.about.rare)
    sections = [
        Section("Does the generator help?", _differences(verdict)),
        Section("What helps?", _gains(verdict)),
        Section("Arms", _arms(study, verdict)),
        *([Section("External images", _external(verdict))] if verdict.external else []),
        Section("Classes", _classes(verdict)),
        Section("Real and synthetic images", [*_gate(verdict), *_pictures(study)]),
        Section("Filters", _pools(verdict)),
        Section("Leaks", _leaks(verdict)),
        Section("Rules of the verdict", _rules(verdict)),
        Section("Limits", [Items([*verdict.warnings, LIMITS, _scope(verdict)])]),
        Section("Do this", _do(verdict, model)),
    ]
    return Page(
        title=f"More images of {rare}",
        verdict=f"{verdict.word[:1].upper()}{verdict.word[1:]}: {verdict.sentence}",
        tone=TONES[verdict.word],
        reasons=[w for w in verdict.warnings if w.startswith("leak")],
        lines=[verdict.advice, f"Test part: {verdict.about.tested_by}"],
        sections=sections,
        footer=f"Made by ganvas {__version__}.",
        kind="Report of a rare class",
    )


def _differences(verdict: Verdict) -> list[Block]:
    found = verdict.comparisons
    chart = plots.spans(found, f"AUROC above {verdict.best_real}")
    caption = f"Against {verdict.best_real}, the best arm without a generator on validation"
    head = ("arm", "measure", "difference", "95 % interval", "p", "p after Holm")
    own = [c for c in verdict.others if c.kind in ("counterpart", "placebo")]
    text = (
        "Differences on the test. AUROC and the sensitivities decide: they follow from the ranking "
        "of the images, so that no threshold moves them. Balanced accuracy, with the threshold of "
        "validation, decides nothing, and its p is not adjusted."
    )
    more = (
        "Each arm with a generator against the same arm without synthetic images, and against the "
        "same arm with a placebo, blurred and shuffled real images: what is not better than its "
        "placebo is not due to the generator."
    )
    brief = Table(CHANGES[:1] + CHANGES[2:], [(r[0], *r[2:]) for r in words_rows(found)], "lrrrl",
                  caption)  # fmt: skip
    return [
        Text(text), Charts([(caption, chart)], brief),
        Table(head, changes_rows(found), "llrrrr", "The same in all measures"), Text(more),
        Table(CHANGES, words_rows(own), "llrrrl", "Against counterparts and placebos"),
    ]  # fmt: skip


def _gains(verdict: Verdict) -> list[Block]:
    gains = [c for c in verdict.others if c.kind == "baseline"]
    if not gains:
        return [Text("Only one arm without synthetic images was compared.")]
    against = gains[0].against
    text = f"Every arm against {against}, what one does without further help, on the test."
    caption = f"AUROC against {against}"
    rows = [(row[0], *row[2:]) for row in words_rows(gains)]
    table = Table(CHANGES[:1] + CHANGES[2:], rows, "lrrrl", caption)
    return [Text(text), Charts([(caption, plots.spans(gains, f"AUROC above {against}"))], table)]


def _arms(study: Study, verdict: Verdict) -> list[Block]:
    head, *rows = arms_rows(verdict)
    plan = verdict.about.plan
    text = (
        f"Arms of pixels: {plan.steps} steps of {plan.batch} images, the same classifier. features "
        "and lda: linear classifiers on frozen features, by logistic regression with class "
        f"weights, and by a covariance pooled over all classes. {plan.seeds} seeds of generator "
        "and classifier, each with its own validation fold. setting: the ratio of synthetic to "
        "real draws of a rare class, or the strength of penalty or shrinkage, chosen by AUROC on "
        "validation (valid.). at 90 %, at 95 %: sensitivity at this specificity. bal.: "
        "balanced accuracy, with the threshold of validation."
    )
    caption = "Means over seeds on the test"
    return [
        Text(text), Table(head, rows, "llrrrrrr", caption),
        Charts([("ROC curves on the test", plots.curves(study, verdict))],
               _points(verdict, [verdict.advised])),
    ]  # fmt: skip


def _points(verdict: Verdict, names: Sequence[str]) -> Table:
    rows = [
        (Name(name), Name(p.label), f"{p.wanted:.0%}", f"{p.threshold:.3g}", between(p.sensitivity),
         between(p.specificity), share(verdict.arm(name).classes[p.label]["ece"]))
        for name in names
        for p in verdict.arm(name).points
    ]  # fmt: skip
    head = ("arm", "class", "wanted specificity", "threshold", "sensitivity", "specificity", "ece")
    return Table(head, rows, "llrrrrr", "At the thresholds of validation, on the test")


def _external(verdict: Verdict) -> list[Block]:
    found = verdict.external
    if found is None:
        return []
    rows = [
        (Name(name), between(verdict.arm(name).values("auroc")),
         *(between(one) for one in measures.values()))
        for name, measures in found.arms.items()
    ]  # fmt: skip
    head = ("arm", "AUROC on the test", "AUROC", "sens. at 90 % spec.", "sens. at 95 % spec.")
    text = f"{found.sentence}. They chose nothing."
    return [Text(text), Table(head, rows, "lrrrr", "External images, beside the test")]


def _gate(verdict: Verdict) -> list[Block]:
    rows = [
        (Name(name), share(one.precision), share(one.real), share(one.coverage),
         "passed" if one.passed else "noise")
        for name, one in verdict.gate.items()
    ]  # fmt: skip
    text = (
        "Precision: the share of synthetic images that lie among the real training images in "
        "features; beside it that of real images that no generator has seen. Coverage: the share "
        "of real training images with a synthetic one near them. What fails is noise, and the "
        "verdict names it."
    )
    head = ("class", "precision", "of real images", "coverage", "gate")
    return [Text(text), Table(head, rows, "lrrrl", "Are the synthetic images images of the class?")]


def _do(verdict: Verdict, model: dict[str, Any] | None) -> list[Block]:
    lines = [verdict.advice]
    if model is None:
        lines.append(
            "Train your classifier with train.csv: its rows are drawn by weight. No model is "
            "written, because the classifier is your own."
        )
    else:
        lines.append(
            "The folder model/ holds it, trained on all images that are not of the test: "
            "model.keras and model.tflite take images 0..255 and give calibrated probabilities; "
            "classifier.json has the thresholds below."
        )
        lines.append("train.csv lists its training images with their weights.")
    gain = concluding.gain_of(verdict)
    if gain is not None and gain.word == "no evidence":
        lines.append(f"A gain over {gain.against} is not shown: more test images would show more.")
    blocks: list[Block] = [Items(lines)]
    if model is not None:
        head = ("class", "wanted specificity", "threshold", "sensitivity", "specificity")
        rows = [
            (Name(p["label"]), f"{p['wanted']:.0%}", f"{p['threshold']:.3g}",
             between(p["sensitivity"]), between(p["specificity"]))
            for p in model["thresholds"]
        ]  # fmt: skip
        blocks.append(Table(head, rows, "lrrrr", "Thresholds of the model, on the test"))
        errors = [
            f"{name}: expected calibration error {one['before']:.3f}, after calibration "
            f"{one['after']:.3f}"
            for name, one in model["expected_calibration_error"].items()
        ]
        blocks.append(Items(errors))
    return blocks


def _classes(verdict: Verdict) -> list[Block]:
    shown, rare = {verdict.advised, verdict.best_gan, "real"}, verdict.about.rare
    rows = [
        (Name(name), Name(arm.name), *(share(arm.classes[name][score]) for score in SCORES))
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
            rows.append((Name(name), str(seed), *(str(one[key]) for key in
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
                "and the settings and thresholds.",
                "helps: an arm with a generator is better than the best arm without, in AUROC or a "
                "sensitivity, at 0.05 after Holm over arms and measures, and worse in none; its "
                "intervals against every arm without a generator and against its placebo lie "
                "above 0; its images are no noise.",
                "hurts: the arm with a generator that validation would choose is worse than the "
                "same arm without.",
                f"The interval adds two variances: of test {verdict.about.unit}s drawn with "
                "replacement, the same for all arms, and of the seeds, by Student's t.",
            ]
        )
    ]


def _scope(verdict: Verdict) -> str:
    return (
        "The verdict holds for these images, this classifier and this number of steps. The "
        "intervals cover the choice of test images, seeds and validation folds, not another "
        f"collection of {', '.join(verdict.about.rare)}."
    )
