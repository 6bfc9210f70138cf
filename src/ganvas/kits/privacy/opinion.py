"""The attacks that EDPB Opinion 28/2024 names, and which of them an audit tested."""

from __future__ import annotations

from dataclasses import dataclass

from .result import AuditReport
from .terms import TERMS

TESTED, PARTLY, NOT = "tested", "partly tested", "not tested"
_COPIES = ("near_copies_pixels", "near_copies_recoloured", "near_copies_features")
_WHITE = ("membership_discriminator", "membership_search")
_BLACK = ("membership_nearest", "membership_crowd", "set_membership")


@dataclass(frozen=True)
class Row:
    """An attack of the opinion.

    Attributes:
        attack: its name.
        status: "tested", "partly tested" or "not tested".
        how: by which tests, and what is missing.
        tests: names of the tests that were run.
    """

    attack: str
    status: str
    how: str
    tests: tuple[str, ...]


def grid(results: AuditReport) -> list[Row]:
    """One row for each attack that the opinion names."""
    drawn = bool(results.record.get("sha256", {}).get("model"))
    no_model = "" if drawn else "only the given images were searched, not the generator"
    return [
        _row(results, "Memorisation", _COPIES, ("membership_discriminator",)),
        _row(results, "Membership inference", _BLACK, _WHITE,
             "no attack trained a model of its own (shadow models)"),
        _row(results, "Extraction and regurgitation", _COPIES,
             ("near_copies_pixels",) if drawn else ("membership_search",), no_model),
        _row(results, "Model inversion", ("inversion_search",), ("inversion_search",)),
        _row(results, "Reconstruction", ("reconstruction_nearest",), ("reconstruction_search",)),
        _row(results, "Attribute inference", ("label_inference", "reconstruction_nearest"),
             ("label_inference",), "an attribute is a label, or the hidden half of an image"),
    ]  # fmt: skip


def _row(
    results: AuditReport,
    attack: str,
    some: tuple[str, ...],
    strong: tuple[str, ...],
    note: str = "",
) -> Row:
    """Tested where a strong attack was run beside another; partly where only one was.

    Args:
        some, strong: names of tests.
        note: what to know in any case.
    """
    wanted = tuple(dict.fromkeys((*some, *strong)))
    run = tuple(name for name in wanted if not results.tests[name].why)
    status = TESTED if set(run) & set(strong) else PARTLY if run else NOT
    missing = [TERMS[name] for name in wanted if name not in run]
    how = "; ".join(TERMS[name] for name in run) or "none of the attacks could be run"
    how += f". Not run: {'; '.join(missing)}" if missing else ""
    how += f". Note: {note}" if note else ""
    return Row(attack, status, f"{how[0].upper()}{how[1:]}.", run)
