"""The risk that an attack shows: its success on training images beyond that on held-out ones.

An attacker who has no information about the training images succeeds as often on held-out people.
The risk is what remains: (attack - control) / (1 - control).

Source: Giomi et al. 2023, arXiv:2211.10459 (Anonymeter). Differs: the interval is Newcombe's for a
    difference of two shares (Statistics in Medicine 17, 1998, p. 873, method 10), which also holds
    near 0 and 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...stats.intervals import wilson

RATE = 0.01  # false alarms that an attack by rank may raise; none where there are fewer than 100
MOST_NAMED = 100


def risk(success: int, attacked: int, control: int, controls: int, unit: str) -> dict[str, Any]:
    """The risk with its 95 % interval, and the two shares that it compares.

    Args:
        success, attacked: attacks on training images that succeed, and all.
        control, controls: the same for held-out images.
        unit: what is counted, such as "people".
    """
    a, c = success / attacked, control / controls
    (low_a, high_a), (low_c, high_c) = wilson(success, attacked), wilson(control, controls)
    rest = max(1 - c, 1e-9)
    low = (a - c - math.hypot(a - low_a, high_c - c)) / rest
    high = (a - c + math.hypot(high_a - a, c - low_c)) / rest
    value, low, high = (min(1.0, max(0.0, float(x))) for x in ((a - c) / rest, low, high))
    return {
        "value": value, "low": low, "high": high, "attack": a, "attacked": attacked, "control": c,
        "controls": controls, "unit": unit,
    }  # fmt: skip


def by_rank(
    scores: np.ndarray, member: np.ndarray, people: np.ndarray | None, names: np.ndarray | None
) -> dict[str, Any]:
    """The risk of an attack that ranks images, and who is exposed by it.

    Exposed is a training image whose score at most 1 % of the held-out images exceed; none where
    there are fewer than 100. People count by their most suspicious image.

    Args:
        scores: higher is more suspicious, [N].
        member: whether trained on, [N].
        people: the person on each image, [N]; None: images are counted.
        names: of the images, [N].
    """
    unit = "images" if people is None else "people"
    units = np.arange(len(scores)) if people is None else people
    who, first, number = np.unique(units, return_index=True, return_inverse=True)
    most = np.full(len(who), -np.inf)
    np.maximum.at(most, number, scores)
    trained = np.asarray(member, bool)[first]
    mine, others = most[trained], most[~trained]
    edge = np.sort(others)[::-1][int(RATE * len(others) + 1e-9)]
    found = risk(int((mine > edge).sum()), len(mine), int((others > edge).sum()), len(others), unit)
    order = np.flatnonzero(trained)[np.argsort(-mine, kind="stable")]
    label = who if people is not None else None if names is None else names[first]
    exposed = [] if label is None else [str(label[i]) for i in order if most[i] > edge]
    return {"risk": found, "exposed": exposed[:MOST_NAMED]}
