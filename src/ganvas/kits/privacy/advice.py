"""Remedies, each with the effect that can be expected of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from . import findings
from .phrases import percent
from .result import AuditReport

_EPSILONS = (1.0, 3.0)
_FALSE_ALARMS = 1e-3


@dataclass(frozen=True)
class Remedy:
    """What can be done, what it does and does not change, and how."""

    name: str
    effect: str
    command: str


def remedies(results: AuditReport) -> list[Remedy]:
    """Those that apply, the quickest first."""
    listed = [_filter(results)]
    if findings.some_are_exposed(results):
        who = findings.exposed(results)
        unit = "people" if results.people else "images"
        listed.append(
            Remedy(
                f"Leave the most exposed {unit} out and train again",
                f"The {len(who):,} exposed {unit} can no longer be copied or matched. Others may "
                "then be exposed: audit again.",
                "ganvas train, on the remaining images",
            )
        )
    listed += [
        Remedy(
            "Train for a shorter time, or on more people",
            "Copies become rarer as the number and variety of training images grow (Feng et al. "
            "2021). The effect cannot be predicted for these images: audit again.",
            "ganvas train --set train.kimg=...",
        ),
        _private(),
        Remedy(
            "Do not release the discriminator and the run folder",
            "Attacks by the discriminator and by states of the training become impossible. Attacks "
            "by the generated images stay as they are.",
            "ganvas export",
        ),
    ]
    return listed


def _filter(results: AuditReport) -> Remedy:
    copies, identity = results.tests["near_copies_pixels"], results.tests.get("identity")
    effect = (
        f"{percent(copies.more.get('left_out'))} of the images would be left out. Copies that are "
        "turned, warped, blended or recoloured pass. The generator can still draw the copies."
    )
    left = identity.more.get("without_near_copies") if identity else None
    if identity and left is not None:
        effect += (
            f" Of the rest, {percent(left)} would match a person trained on (now "
            f"{percent(identity.value)})."
        )
    return Remedy("Leave near-copies out of what is given away", effect, "ganvas privacy sample")


def _private() -> Remedy:
    """TPR <= e^epsilon FPR + delta (Kairouz et al. 2015, arXiv:1311.0776)."""
    bounds = [
        f"epsilon {epsilon:g} to {percent(math.exp(epsilon) * _FALSE_ALARMS + 1e-5)}"
        for epsilon in _EPSILONS
    ]
    return Remedy(
        "Train with differential privacy",
        "Bounds every attack, also unknown ones: at 0.1 % false alarms and delta 1e-5 the share of "
        f"exposed images is limited by {' and by '.join(bounds)}. The bound holds for one image; "
        "for k images of a person epsilon is about k times as large. Images get worse.",
        "ganvas train --recipe dp --set privacy.epsilon=...",
    )
