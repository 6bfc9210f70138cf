"""Rows of tables about the arms, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Sequence

from ...reports.language import Name
from .results import Arm, Change, Comparison, Verdict

SHORT = {
    "auroc": "AUROC", "sensitivity_at_90_specificity": "sens. at 90 % spec.",
    "sensitivity_at_95_specificity": "sens. at 95 % spec.",
}  # fmt: skip


def arms_rows(verdict: Verdict, narrow: bool = False) -> list[tuple[str, ...]]:
    """A header and a row per arm.

    Args:
        narrow: for a terminal of 80 columns, without the column of validation.
    """
    head = ("arm", "setting", "valid.", "AUROC", "95 % interval", "at 90 %", "at 95 %", "bal.")
    rows = [head, *(_arm_row(arm) for arm in verdict.arms)]
    return [(*row[:2], *row[3:]) for row in rows] if narrow else rows


def _arm_row(arm: Arm) -> tuple[str, ...]:
    low, high = arm.intervals["auroc"]
    return (
        Name(arm.name), setting(arm), share(arm.valid_auroc), share(arm.auroc),
        f"{low:.3f}-{high:.3f}", share(arm.sensitivity_at_90_specificity),
        share(arm.sensitivity_at_95_specificity), share(arm.balanced_accuracy),
    )  # fmt: skip


def setting(arm: Arm) -> str:
    """The ratio or the strength that validation chose."""
    if arm.ratio:
        return f"ratio {arm.ratio:g}"
    return f"{arm.strength:g}" if arm.strength else "–"


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def between(ends: Sequence[float]) -> str:
    """A value with its interval."""
    return f"{ends[0]:.3f} ({ends[1]:.3f} to {ends[2]:.3f})"


def changes_rows(found: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """A row per comparison and measure."""
    return [
        (Name(one.arm), name, *_change(change))
        for one in found
        for name, change in [
            *((SHORT[m], change) for m, change in one.measures.items()),
            ("balanced accuracy", one.balanced_accuracy),
        ]
    ]


def _change(c: Change) -> tuple[str, ...]:
    return f"{c.value:+.4f}", f"{c.low:+.4f} to {c.high:+.4f}", f"{c.p:.3g}", f"{c.adjusted:.3g}"


def words_rows(found: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """A row per comparison: the difference in AUROC, and what it says."""
    return [
        (Name(one.arm), Name(one.against), f"{c.value:+.3f}", f"{c.low:+.3f} to {c.high:+.3f}",
         f"{c.adjusted:.2g}", one.word)
        for one in found
        for c in [one.measures["auroc"]]
    ]  # fmt: skip
