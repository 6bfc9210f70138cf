"""What an audit says against itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .case import Case
from .result import Result

_UNEVEN = 1.5  # photographs of a person in one part, over those in the other
_SHARED = 0.005  # held-out images that look trained on; among digits it is less than 1 in 1,000


def notes(case: Case, controlled: Result, bound: Any, leaked: bool) -> list[str]:
    """What a reader must know before believing the verdict."""
    more = controlled.more
    said = [*case.notes, *_people(case)]
    if more["shared"] > max(2, _SHARED * more["images"]):
        said.append(
            f"{more['shared']} of {more['images']:,} held-out images nearly copy a training image: "
            "if they are one picture saved twice, leaks are hidden; take them out and audit again."
        )
    if not more["found"]:
        said.append(
            "The positive control was missed: copies that were planted for a test were not "
            "found, so that silence means little here."
        )
    if more["false_alarm"] or more["unlike"]:
        said.append(
            "A negative control was flagged: real images that no generator made look as if "
            "they leaked. The two parts are not alike; split them at random (by person) "
            "and audit again. Until then the verdict is not to be trusted."
        )
    return said + (_bound(bound, leaked) if bound else [])


def _people(case: Case) -> list[str]:
    if case.people is None:
        return ["Nobody is named on the images: that no person is in both parts is taken on trust."]
    each = [
        len(part) / len(np.unique(np.asarray(part.people))) for part in (case.train, case.holdout)
    ]
    if max(each) > _UNEVEN * min(each):
        return [
            f"There are {each[0]:.3g} photographs of a training person and {each[1]:.3g} of a "
            "held-out one: who has more is found more easily; bring them to as many."
        ]
    return []


def _bound(bound: dict[str, Any], leaked: bool) -> list[str]:
    """What it is worth: TPR <= e^epsilon FPR + delta (Kairouz et al. 2015, arXiv:1311.0776)."""
    exposed = min(1.0, math.exp(min(bound["epsilon"], 50)) * 1e-3 + bound["delta"])
    said = [
        f"Its bound, epsilon {bound['epsilon']:.3g}, allows at most {100 * exposed:.2g} % of the "
        "training images to be exposed at 0.1 % false alarms."
        if exposed < 1
        else f"Its bound, epsilon {bound['epsilon']:.3g}, does not rule out that every training "
        "image is exposed at 0.1 % false alarms; it is the attacks that speak."
    ]
    if "assumes" in bound:
        said.append(f"The bound assumes {bound['assumes']}.")
    if leaked:
        said.append("A leak was found beside a formal bound: look for an error in either.")
    return said
