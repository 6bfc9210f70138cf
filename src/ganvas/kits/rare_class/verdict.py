"""From the predictions of all arms to the verdict: helps, no evidence or hurts.

1. For each arm that mixes, its ratio is chosen by balanced accuracy on the validation folds.
2. So is the best of the arms without a generator, and the best of those with one.
3. Only then the test part is used. Each arm with synthetic images is compared with the best arm
   without: a paired difference with its interval, p-values adjusted by Holm.
4. helps: of `gan` and `classical + gan`, one is better, at 0.05 after Holm, and its intervals
   against every arm without synthetic images lie above 0. (Validation folds contain few images of
   a rare class and may name the wrong arm as the best: to be better than that one is not enough. A
   test of all is one at the level of each: Berger 1982, Technometrics 24, p. 295.)
   hurts: the one of them that validation would choose is worse, at 0.05 after Holm, with an
   interval below 0. no evidence: anything else, and always if synthetic images leak the test.
"""

from __future__ import annotations

import numpy as np

from ...stats import exact, paired
from . import metrics
from .leaks import Leaks
from .parts import Material
from .plan import GAN_ARMS, REAL_ARMS, SYNTHETIC
from .results import About, Arm, Comparison, Verdict
from .study import Study


def conclude(study: Study, leaks: Leaks) -> Verdict:
    """Choose on validation, then compare on the test part."""
    plan, material = study.plan, study.material
    chosen = {arm: _ratio(study, arm) for arm in plan.arms}
    valid = {arm: _validated(study, arm, ratio) for arm, ratio in chosen.items()}
    best_real = max((a for a in plan.arms if a in REAL_ARMS), key=valid.__getitem__)
    best_gan = max((a for a in plan.arms if a in GAN_ARMS), key=valid.__getitem__)
    kept = leaks.kept
    tested = {a: np.stack([study.predictions(s, a, r).test[kept] for s in range(plan.seeds)])
              for a, r in chosen.items()}  # fmt: skip
    truth = material.test.labels[kept]
    arms = tuple(_arm(a, r, valid[a], tested[a], truth, material) for a, r in chosen.items())
    compared = compare(
        {a: tested[a].argmax(axis=2) for a in plan.arms}, truth, material.test.units[kept],
        len(material.names), best_real, plan.seed,
    )  # fmt: skip
    word, sentence = decide(compared, best_gan)
    found = leaks.sentences()
    if leaks.fatal and word == "helps":
        word, sentence = "no evidence", found[-1]
    return Verdict(
        word, sentence, best_real, best_gan, arms, compared, leaks.counts,
        (*found, *_warnings(study, kept)), _about(study, kept), study.folder,
    )  # fmt: skip


def compare(
    guessed: dict[str, np.ndarray], truth: np.ndarray, units: np.ndarray, classes: int,
    against: str, seed: int,
) -> tuple[Comparison, ...]:  # fmt: skip
    """Every arm with synthetic images against one without.

    Args:
        guessed: arm -> predicted classes, int [S, N].
        truth, units: int [N].
    """
    hits = {a: paired.tally(g, truth, units, classes) for a, g in guessed.items()}
    found = {
        a: {b: paired.difference(hits[a], hits[b], seed) for b in guessed if b in REAL_ARMS}
        for a in guessed
        if a in (*GAN_ARMS, SYNTHETIC)
    }
    adjusted = exact.holm({a: rivals[against].p for a, rivals in found.items()})
    return tuple(
        Comparison(a, against, *rivals[against], adjusted[a], min(d.low for d in rivals.values()))
        for a, rivals in found.items()
    )


def decide(compared: tuple[Comparison, ...], best_gan: str) -> tuple[str, str]:
    """The verdict, and the reason for it."""
    mixed = [c for c in compared if c.arm in GAN_ARMS]
    helping = [c for c in mixed if c.better and c.lead > 0]
    chosen = next(c for c in mixed if c.arm == best_gan)
    if helping:
        return "helps", _sentence(max(helping, key=lambda c: c.value))
    if chosen.worse:
        return "hurts", _sentence(chosen)
    if chosen.better:
        return "no evidence", (
            f"{_sentence(chosen)}; but it is not shown that all other arms without synthetic "
            f"images are worse (an interval against one begins at {100 * chosen.lead:+.2f})"
        )
    return "no evidence", _sentence(chosen)


def _sentence(c: Comparison) -> str:
    return (
        f"{c.arm} against {c.against}, the best without synthetic images: balanced accuracy "
        f"{100 * c.value:+.2f} points ({100 * c.low:+.2f} to {100 * c.high:+.2f}), "
        f"p = {c.adjusted:.3g} after Holm"
    )


def _ratio(study: Study, arm: str) -> float:
    ratios = [r for a, r in study.plan.variants() if a == arm]
    return max(ratios, key=lambda r: (_validated(study, arm, r), -r))


def _validated(study: Study, arm: str, ratio: float) -> float:
    """Balanced accuracy over the validation folds of all seeds together."""
    guessed, truth = [], []
    for seed in range(study.plan.seeds):
        truth.append(study.fold(seed)[1].labels)
        guessed.append(study.predictions(seed, arm, ratio).valid.argmax(axis=1))
    classes = len(study.material.names)
    return metrics.balanced_accuracy(np.concatenate(guessed), np.concatenate(truth), classes)


def _arm(
    name: str, ratio: float, valid: float, predicted: np.ndarray, truth: np.ndarray,
    material: Material,
) -> Arm:  # fmt: skip
    found = [metrics.per_class(seed, truth) for seed in predicted]
    scores = [float(np.nanmean(one["recall"])) for one in found]
    classes: dict[str, dict[str, float | None]] = {}
    for c, label in enumerate(material.names):
        means = {key: _mean([one[key][c] for one in found]) for key in found[0]}
        classes[label] = means
    return Arm(name, ratio, valid, float(np.mean(scores)), min(scores), max(scores), classes)


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
