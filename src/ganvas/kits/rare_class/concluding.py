"""From a finished study to its verdict: choices, scores of the arms, gate, warnings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...stats import paired
from ...stats.intervals import wilson
from ...stats.roc import SPECIFICITIES
from . import choosing, gate, metrics
from .comparing import Compared
from .leaks import Leaks
from .parts import Part
from .plan import GAN_ARMS, PLACEBO, REAL_ARMS
from .results import About, Arm, Comparison, External, Gate, Point, Verdict
from .study import Study
from .verdict import NAMES, advice, decide


@dataclass(frozen=True)
class Choices:
    """What validation chose.

    Attributes:
        settings: arm -> its ratio or strength, also of placebos.
        valid: arm -> AUROC on the validation folds.
        factors: arm -> thresholds, float [C].
    """

    settings: dict[str, float]
    valid: dict[str, float]
    factors: dict[str, np.ndarray]

    def best(self, arms: tuple[str, ...]) -> str:
        """Of these arms, the best on validation."""
        return max((a for a in self.settings if a in arms), key=self.valid.__getitem__)


def choose(study: Study) -> Choices:
    """Before the test part is used."""
    settings = {arm: choosing.chosen(study, arm) for arm in study.plan.arms}
    settings |= {PLACEBO[arm]: settings[arm] for arm in study.plan.mixed}
    rare = study.material.rare
    return Choices(
        settings,
        {arm: choosing.validated(study, arm, s) for arm, s in settings.items()},
        {arm: choosing.factors(*choosing.pooled(study, arm, s), rare)
         for arm, s in settings.items()},
    )  # fmt: skip


def conclude(study: Study, leaks: Leaks) -> Verdict:
    """Choose on validation, then compare on the test part."""
    material, choices, kept = study.material, choose(study), leaks.kept
    best_real, best_gan = choices.best(REAL_ARMS), choices.best(GAN_ARMS)
    scores = {arm: _tested(study, arm, s)[:, kept] for arm, s in choices.settings.items()}
    test = material.test[np.flatnonzero(kept)]
    compared = _compared(study, choices, scores, test)
    synthetic = compared.synthetic(best_real)
    own, placebos = compared.counterparts(), compared.placebos()
    gains, gated = compared.gains(), gates(study)
    word, sentence = decide(synthetic, own, placebos, gated, best_gan)
    found = leaks.sentences()
    if leaks.fatal and word == "helps":
        word, sentence = "no evidence", found[-1]
    helped = [c.arm for c in synthetic if c.leads and c.arm in GAN_ARMS]
    advised = max(helped, key=choices.valid.__getitem__) if word == "helps" else best_real
    gain = next((c for c in gains if c.arm == advised), None)
    return Verdict(
        word, sentence, advised, advice(advised, gain), best_real, best_gan,
        tuple(_arm(study, choices, arm, scores[arm], test, compared) for arm in scores),
        synthetic, (*own, *placebos, *gains), gated, _external(study, choices, advised),
        leaks.counts, (*found, *_warnings(study, kept)), _about(study, kept), study.folder,
    )  # fmt: skip


def gates(study: Study) -> dict[str, Gate]:
    """For each rare class, whether its synthetic images are images of it."""
    found, real, learn = {}, study.featured.real["learn"], study.material.learn.labels
    for c in study.material.rare:
        parts = []
        for seed in range(study.plan.seeds):
            rows = np.isin(np.arange(len(learn)), study.learning(seed))
            mine = learn == c
            fake = study.featured.of(study.pool(seed).of(c))
            parts.append((real[rows & mine], real[~rows & mine], fake))
        found[study.material.names[c]] = gate.judged(parts)
    return found


def _tested(study: Study, arm: str, setting: float) -> np.ndarray:
    seeds = range(study.plan.seeds)
    return np.stack([study.predictions(seed, arm, setting).test for seed in seeds])


def _compared(
    study: Study, choices: Choices, scores: dict[str, np.ndarray], part: Part
) -> Compared:
    guessed = {a: (one * choices.factors[a]).argmax(axis=2) for a, one in scores.items()}
    return Compared(scores, guessed, part.labels, part.units, study.material.rare, study.plan.seed)


def _arm(
    study: Study, choices: Choices, name: str, scores: np.ndarray, test: Part, compared: Compared
) -> Arm:
    factors, setting = choices.factors[name], choices.settings[name]
    found = [metrics.per_class(seed, test.labels, factors) for seed in scores]
    levels = [float(np.nanmean(one["recall"])) for one in found]
    valid, truth = choosing.pooled(study, name, setting)
    values = compared.values(name)
    mixes = name in (*GAN_ARMS, *PLACEBO.values())
    level = float(np.mean(levels))
    points = [
        point(c, label, wanted, valid, truth, scores, test)
        for c, label in enumerate(study.material.names)
        if c in study.material.rare
        for wanted in SPECIFICITIES
    ]
    return Arm(
        name=name,
        ratio=setting if mixes else 0.0,
        strength=0.0 if mixes else setting,
        valid_auroc=choices.valid[name],
        **{measure: values[measure][0] for measure in NAMES},
        intervals={measure: values[measure][1:] for measure in NAMES},
        balanced_accuracy=level,
        valid=metrics.balanced_accuracy((valid * factors).argmax(axis=1), truth, len(factors)),
        test=level,
        lowest=min(levels),
        highest=max(levels),
        points=tuple(points),
        classes={label: {key: _mean([one[key][c] for one in found]) for key in found[0]}
                 for c, label in enumerate(study.material.names)},
    )  # fmt: skip


def point(
    c: int, label: str, wanted: float, valid: np.ndarray, truth: np.ndarray,
    scores: np.ndarray, test: Part,
) -> Point:  # fmt: skip
    """What the threshold of validation does on the test part.

    The interval is that of one seed's test images; their mean over seeds varies less.
    """
    threshold = choosing.thresholds(valid, truth, c, [wanted])[0]
    above, mine = scores[..., c] > threshold, test.labels == c
    rates = []
    for hits, rows in ((above, mine), (~above, ~mine)):
        rate = float(hits[:, rows].mean())
        units = len(np.unique(test.units[rows]))
        rates.append((rate, *wilson(rate * units, units)))
    return Point(label, wanted, threshold, *rates)


def _external(study: Study, choices: Choices, advised: str) -> External | None:
    part = study.material.external
    if part is None:
        return None
    seeds = range(study.plan.seeds)
    scores = {
        arm: np.stack([study.predictions(seed, arm, s).external for seed in seeds])
        for arm, s in choices.settings.items()
    }
    compared = _compared(study, choices, scores, part)
    gain = next((c for c in compared.gains() if c.arm == advised), None)
    values = {arm: compared.values(arm) for arm in scores}
    value, low, high = values[advised]["auroc"]
    sentence = (
        f"{len(part):,} external images: {advised} has an AUROC of {value:.3f} "
        f"({low:.3f} to {high:.3f})"
    )
    if gain:
        change = gain.measures["auroc"]
        sentence += (
            f"; against {gain.against} {change.value:+.4f} ({change.low:+.4f} to "
            f"{change.high:+.4f}): {gain.word}"
        )
    return External(len(part), values, gain, sentence)


def _mean(values: list[float]) -> float | None:
    """Over the seeds that have a number (there is no precision without predictions)."""
    there = [float(value) for value in values if np.isfinite(value)]
    return float(np.mean(there)) if there else None


def _warnings(study: Study, kept: np.ndarray) -> list[str]:
    plan, material = study.plan, study.material
    found = list(material.notes)
    if plan.seeds < 5:
        found.append(f"only {plan.seeds} seeds: use 5 or more for a reliable interval")
    for c in material.rare:
        name = material.names[c]
        units = len(np.unique(material.test.units[kept & (material.test.labels == c)]))
        if units < paired.FEW:
            found.append(
                f"the test has {units} {'groups' if material.grouped else 'images'} of '{name}': "
                "the interval is rough, and only large effects can be detected"
            )
        for seed in range(plan.seeds):
            counts = study.pool(seed).counts[name]
            left_out = {"copies", "label"} - set(counts["filters"])
            if left_out:
                found.append(
                    f"seed {seed}: of {counts['drawn']} synthetic images of '{name}', "
                    f"{counts['near_copies']} are near-copies of training images and "
                    f"{counts['disagreed']} are unlike the class, so the filter by "
                    f"{' and by '.join(sorted(left_out))} was not used: train longer (--kimg)"
                )
    if not material.grouped:
        found.append(
            "no groups are given: if several images come from one patient or part, the intervals "
            "are too narrow, and training and validation share them: give --groups FILE.csv"
        )
    return found


def _about(study: Study, kept: np.ndarray) -> About:
    learn, test, names = study.material.learn, study.material.test, study.material.names
    return About(
        rare=tuple(names[c] for c in study.material.rare),
        classes={name: {"learn": int((learn.labels == c).sum()),
                        "test": int((test.labels[kept] == c).sum())}
                 for c, name in enumerate(names)},
        tested_by=study.material.tested_by,
        unit="group" if study.material.grouped else "image",
        pools=tuple(study.pool(seed).counts for seed in range(study.plan.seeds)),
        plan=study.plan,
    )  # fmt: skip


def gain_of(verdict: Verdict) -> Comparison | None:
    """The advised arm against the baseline."""
    return next(
        (c for c in verdict.others if c.kind == "baseline" and c.arm == verdict.advised), None
    )
