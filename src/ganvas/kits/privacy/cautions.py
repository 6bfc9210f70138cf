"""Cautions: reasons not to trust the verdict of an audit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .case import Case
from .result import Controls

_UNEVEN = 1.5  # photographs of a person in one part, over those in the other
_SHARED = 0.005  # held-out near-copies of training images; among digits less than 1 in 1,000


def notes(case: Case, controls: Controls, bound: dict[str, Any] | None, leaked: bool) -> list[str]:
    """What a reader must know before trusting the verdict."""
    found = [*case.notes, *_people(case)]
    if controls.shared > max(2, _SHARED * controls.shared_of):
        found.append(
            f"{controls.shared} of {controls.shared_of:,} held-out images nearly copy a training "
            "image: if they are the same picture saved twice, they hide leaks; remove them and "
            "audit again."
        )
    if not leaked and not controls.enough:
        found.append(
            "There are too few people, or images, for any number of copies to be significant: this "
            "audit cannot find a leak of copies. Hold out more."
        )
    elif not leaked and not controls.found:
        found.append(
            "The positive control was missed: planted copies were not found, so that a verdict "
            "without a leak means little here."
        )
    if controls.false_alarm or controls.unlike:
        found.append(
            "A negative control was flagged: real images, which cannot leak, were taken for a "
            "leak. The two parts are not alike; split them at random (by person) and audit again. "
            "Do not trust this verdict."
        )
    return found + (_bound(bound, leaked) if bound else [])


def _people(case: Case) -> list[str]:
    if case.people is None:
        return [
            "No identities are given: the audit assumes that no person has images in both parts."
        ]
    each = [
        len(part) / len(np.unique(np.asarray(part.people))) for part in (case.train, case.holdout)
    ]
    if max(each) > _UNEVEN * min(each):
        return [
            f"There are {each[0]:.3g} photographs of a training person and {each[1]:.3g} of a "
            "held-out one: a person with more photographs is found more easily; use equal numbers."
        ]
    return []


def _bound(bound: dict[str, Any], leaked: bool) -> list[str]:
    """What it implies: TPR <= e^epsilon FPR + delta (Kairouz et al. 2015, arXiv:1311.0776)."""
    exposed = min(1.0, math.exp(min(bound["epsilon"], 50)) * 1e-3 + bound["delta"])
    found = [
        f"Its bound, epsilon {bound['epsilon']:.3g}, allows at most {100 * exposed:.2g} % of the "
        "training images to be exposed at 0.1 % false alarms."
        if exposed < 1
        else f"Its bound, epsilon {bound['epsilon']:.3g}, does not rule out that every training "
        "image is exposed at 0.1 % false alarms: only the attacks are evidence."
    ]
    if "assumes" in bound:
        found.append(f"The bound assumes {bound['assumes']}.")
    if leaked:
        found.append(
            "A leak was found although there is a formal bound: one of the two contains an error."
        )
    return found
