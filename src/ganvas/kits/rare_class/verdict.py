"""From the predictions of all arms to the verdict: helps, no evidence or hurts.

1. Of each arm, its ratio or strength is chosen by AUROC on the validation folds. So are the best
   arm without a generator, and the best with one.
2. A gate: synthetic images that are no images of their class, in features, are named as noise.
3. Only then the test part is used. The measures are AUROC and the sensitivities at 90 and 95 %
   specificity, read from the ranking, so that no choice of a threshold moves them; with several
   rare classes their mean, each against the rest. Each arm with synthetic images is compared with
   the best arm without: paired differences with intervals, p-values adjusted by Holm over arms and
   measures. An arm is better if a measure is better and none is worse.
4. helps: an arm with a generator is better, its intervals against every arm without a generator and
   against its own placebo lie above 0, and the gate is passed. (Validation folds contain few images
   of a rare class and may name the wrong arm as the best: to be better than that one is not enough.
   A test of all is one at the level of each: Berger 1982, Technometrics 24, p. 295.)
   hurts: the arm with a generator that validation would choose is worse than the same arm without.
   no evidence: anything else, and always if synthetic images leak the test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .results import Change, Comparison, Gate

NAMES = {
    "auroc": "AUROC", "sensitivity_at_90_specificity": "sensitivity at 90 % specificity",
    "sensitivity_at_95_specificity": "sensitivity at 95 % specificity",
}  # fmt: skip


def decide(
    compared: Sequence[Comparison], own: Sequence[Comparison], placebos: Sequence[Comparison],
    gate: Mapping[str, Gate], best_gan: str,
) -> tuple[str, str]:  # fmt: skip
    """The verdict on the generator, and the reason for it.

    Args:
        compared: of arms with synthetic images with the best arm without.
        own: of arms with their counterparts.
        placebos: of arms with their placebos.
        gate: of each rare class.
        best_gan: the arm with a generator that validation would choose.
    """
    mixed = [c for c in compared if c.arm in {p.arm for p in placebos}]
    chosen = next(c for c in mixed if c.arm == best_gan)
    harmed = next((c for c in own if c.arm == best_gan and c.worse), None)
    noise = _noise(gate)
    if harmed:
        return "hurts", f"{noise}{_sentence(harmed, worse=True)}"
    if noise:
        return "no evidence", f"{noise}{_sentence(chosen)}"
    helping = [c for c in mixed if c.leads]
    if helping:
        best = max(helping, key=lambda c: c.measures["auroc"].value)
        return "helps", f"{_sentence(best)}, and it is better than its placebo"
    if chosen.better:
        return "no evidence", f"{_sentence(chosen)}; but {_why(chosen, placebos)}"
    better = next((c for c in own if c.arm == best_gan and c.better), None)
    if better:
        return "no evidence", (
            f"{_sentence(chosen)}; it is better than {better.against} alone "
            f"({_numbers(better.measures['auroc'])}), which is not the best arm"
        )
    return "no evidence", _sentence(chosen)


def advice(advised: str, gain: Comparison | None) -> str:
    """What to do, as a sentence."""
    if gain is None:
        return f"Use {advised}: validation found no better arm."
    name, change = _shown(gain)
    unsure = f"on the test no difference from {gain.against} is shown"
    if change.low > 0 or change.high < 0:
        seems = "better" if change.low > 0 else "worse"
        unsure = (
            f"on the test it seems {seems} than {gain.against}, but not after Holm's correction"
        )
    said = {
        "helps": f"on the test it is better than {gain.against}",
        "no evidence": unsure,
        "hurts": f"but on the test it is worse than {gain.against}",
    }[gain.word]
    return f"Use {advised}, the best on validation: {said} ({NAMES[name]} {_numbers(change)})."


def _noise(gate: Mapping[str, Gate]) -> str:
    """The beginning of a sentence that names the classes whose synthetic images are noise."""
    failed = [
        f"{name} (precision {one.precision:.2f}, real images reach {one.real:.2f}; coverage "
        f"{one.coverage:.2f})"
        for name, one in gate.items()
        if not one.passed
    ]
    if not failed:
        return ""
    return f"the synthetic images are noise and no images of {', '.join(failed)}: "


def _why(chosen: Comparison, placebos: Sequence[Comparison]) -> str:
    """Why an arm that is better than the best one without a generator does not help."""
    own = next(c for c in placebos if c.arm == chosen.arm)
    if all(change.low <= 0 for change in own.measures.values()):
        return (
            f"it is not better than {own.against}, blurred and shuffled real images "
            f"({_numbers(own.measures['auroc'])}), so that this is not due to the generator"
        )
    lead = max(change.lead for change in chosen.measures.values() if change.better)
    return (
        "it is not shown that all other arms without a generator are worse (an interval against "
        f"one begins at {lead:+.4f})"
    )


def _sentence(c: Comparison, worse: bool = False) -> str:
    name, change = _shown(c, worse)
    what = "the best without a generator" if c.kind == "best" else "the same without a generator"
    return (
        f"{c.arm} against {c.against}, {what}: {NAMES[name]} {_numbers(change)}, "
        f"p = {change.adjusted:.3g} after Holm"
    )


def _shown(c: Comparison, worse: bool = False) -> tuple[str, Change]:
    """The measure that decided, or AUROC."""
    for name, change in c.measures.items():
        if change.worse if worse else change.better:
            return name, change
    return "auroc", c.measures["auroc"]


def _numbers(change: Change) -> str:
    return f"{change.value:+.4f} ({change.low:+.4f} to {change.high:+.4f})"
