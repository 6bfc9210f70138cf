"""Whether synthetic images are images of their class at all, before any verdict about them.

Precision is the share of synthetic images that lie, in features, within the ball of a real training
image of the class up to its third neighbour (Kynkäänniemi et al. 2019, arXiv:1904.06991). Coverage
is the share of real training images with a synthetic one in their ball (Naeem et al. 2020,
arXiv:2002.09797). The same precision of the class's own validation images, which no generator has
seen, tells what real images reach.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...evaluation.manifold import distances
from .results import Gate

NEIGHBOUR = 3
PRECISION = 0.25
"""Of that of real images: below, synthetic images are noise."""
COVERAGE = 0.1


def judged(parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Gate:
    """The gate of a class.

    Args:
        parts: for each seed: features of real training images, of real validation images, and of
            synthetic images, [N, D] each.
    """
    inside = [_inside(train, fake) for train, _, fake in parts]
    real = [_inside(train, valid)[0] for train, valid, _ in parts]
    precision, coverage = (
        float(np.mean(np.concatenate([one[k] for one in inside]))) for k in (0, 1)
    )
    reached = float(np.mean(np.concatenate(real)))
    passed = precision >= PRECISION * reached and coverage >= COVERAGE
    return Gate(passed, precision, coverage, reached)


def _inside(train: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the others, whether each is in a ball; of the balls, whether each holds one of them."""
    own = np.concatenate([block for _, block in distances(train, train)])
    np.fill_diagonal(own, np.inf)
    k = min(NEIGHBOUR, len(train) - 1) - 1
    radius = np.partition(own, k, axis=1)[:, k]
    near: np.ndarray = np.concatenate([block for _, block in distances(others, train)]) <= radius
    return np.any(near, axis=1), np.any(near, axis=0)
