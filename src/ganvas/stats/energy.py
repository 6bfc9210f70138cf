"""Are two sets of vectors of one distribution? The energy distance, and its permutation test.

The energy distance is zero for equal distributions alone, so it shows a shift, a smaller spread and
a collapse alike. Under exchangeability each choice of a window among all vectors is as likely as
the one that is seen, so the share of false alarms of the test is known for any distribution.

Source: Szekely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018; permutation p-values that are never 0,
    Phipson & Smyth 2010, doi:10.2202/1544-6115.1585.
"""

from __future__ import annotations

import numpy as np

from .drift import RATE

DRAWS = 1999
"""Permutations: the smallest p-value is 1 / (DRAWS + 1), half of `drift.RATE`."""


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances [len(a), len(b)]."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


def mean_apart(distances: np.ndarray) -> float:
    """Mean distance [N, N] within a set: without the diagonal."""
    count = len(distances)
    return float((distances.sum() - np.trace(distances)) / (count * (count - 1)))


def distance(x: np.ndarray, y: np.ndarray) -> float:
    """Energy distance of vectors [N, D] and [M, D] over the mean distance within y; 0 is equal, and
    values below 0 occur for equal distributions."""
    within, among = mean_apart(apart(x, x)), mean_apart(apart(y, y))
    return float((2 * apart(x, y).mean() - within - among) / max(among, 1e-6))


def test(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """The p-value of a window [N, D] against a reference [M, D], by DRAWS permutations."""
    pooled = np.concatenate([x, y])
    between = apart(pooled, pooled)
    np.fill_diagonal(between, 0)  # where rounding leaves a little
    count, size = len(pooled), len(x)
    chosen = np.zeros((DRAWS + 1, count), np.float32)
    chosen[0, :size] = 1
    order = rng.random((DRAWS, count), np.float32).argpartition(size, axis=1)[:, :size]
    np.put_along_axis(chosen[1:], order, 1, axis=1)
    sums = chosen @ between
    inside = (sums * chosen).sum(1)
    cross = sums.sum(1) - inside
    outside = between.sum() - 2 * cross - inside
    rest = count - size
    within, among = inside / (size * (size - 1)), outside / (rest * (rest - 1))
    energy = 2 * cross / (size * rest) - within - among
    # Equal choices differ by rounding.
    slack = 1e-5 * float(np.abs(energy).max())
    return float(np.count_nonzero(energy[1:] >= energy[0] - slack) + 1) / (DRAWS + 1)


class Monitor:
    """Tests each window of successive vectors as soon as it is full.

    Args:
        reference: float32 [M, D].
        window: vectors of a window.

    Attributes:
        p_value, distance: of the last window.
    """

    def __init__(self, reference: np.ndarray, *, window: int, seed: int = 0):
        self.reference, self.window = reference, window
        self._held: list[np.ndarray] = []
        self._rng = np.random.Generator(np.random.Philox(seed))
        self.windows = self.alarms = 0
        self.p_value, self.distance = 1.0, float("nan")
        self.last = reference[:0]

    def add(self, vector: np.ndarray) -> bool | None:
        """Add a vector [D]. Returns: whether its window rang; None: the window is not full."""
        self._held.append(vector)
        if len(self._held) < self.window:
            return None
        self.last = np.stack(self._held)
        self._held, self.windows = [], self.windows + 1
        self.p_value = test(self.last, self.reference, self._rng)
        self.distance = distance(self.last, self.reference)
        rang = self.p_value <= RATE
        self.alarms += rang
        return rang
