"""The difference of two arms in measures that no threshold moves: AUROC, and the sensitivity at a
fixed specificity, each read from the ranking of the test images.

A measure of several rare classes is the mean over them, each against the rest (macro one-vs-rest).

Uncertainty has the two parts of `paired`: whole groups of test images are drawn with replacement
within strata, the same for all arms, and the seeds' part comes from Student's t. A stratum of few
units gets two more, one in favour of each arm (Bonett and Price 2012).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import paired

DRAWS = 2000
SPECIFICITIES = (0.90, 0.95)
MEASURES = ("auroc", "sensitivity_at_90_specificity", "sensitivity_at_95_specificity")
_PIECE = 50  # draws at a time
_RIM = 1 + 1e-6  # rounding of sums of weights


class Measured(NamedTuple):
    """Measures of an arm.

    Attributes:
        seeds: of each seed, float [S, M].
        drawn: mean over seeds, of each draw of the test images and each rare class, [B, R, M].
    """

    seeds: np.ndarray
    drawn: np.ndarray


class Judge:
    """Measures arms on the same draws of the same test images.

    Args:
        truth: classes, int [N].
        units: groups or images, int [N].
        classes: number of classes.
        rare: the rare ones.
        seed: of the draws.
        draws: number of draws; p-values go down to 2 / (draws + 1).
    """

    def __init__(
        self, truth: np.ndarray, units: np.ndarray, classes: int, rare: tuple[int, ...],
        seed: int = 0, draws: int = DRAWS,
    ):  # fmt: skip
        self.truth, self.rare, self.seed, self.draws = truth, rare, seed, draws
        kinds, self._unit = np.unique(units, return_inverse=True)
        count = np.zeros((len(kinds), classes))
        np.add.at(count, (self._unit, truth), 1)
        self._stratum = paired.strata(count)
        self._weights = np.ones((draws, len(kinds)), np.float32)
        self._kept = np.ones((draws, len(rare)))
        self._pull = np.zeros((draws, len(rare)))
        rng = np.random.Generator(np.random.Philox([seed, 11]))
        for c in np.unique(self._stratum):
            self._draw(int(c), count, rng)

    def _draw(self, c: int, count: np.ndarray, rng: np.random.Generator) -> None:
        """Weights of the units of a stratum; of a small one, the pull of its pseudo-units."""
        rows = np.flatnonzero(self._stratum == c)
        if len(rows) >= paired.FEW:
            self._weights[:, rows] = paired.weights(len(rows), self.draws, rng)
            return
        drawn = paired.weights(len(rows) + 2, self.draws, rng)
        own = drawn[:, :-2]
        # A draw without any real unit has no measure: every unit of it counts a little.
        self._weights[:, rows] = np.maximum(own, 1e-3)
        total = drawn.sum(axis=1)
        for place, r in enumerate(self.rare):
            side = count[:, c].sum() / (count.sum() - count[:, r].sum())
            share = 1.0 if c == r else side
            self._kept[:, place] *= 1 - share * (1 - own.sum(axis=1) / total)
            self._pull[:, place] += share * (drawn[:, -2] - drawn[:, -1]) / total

    def measured(self, scores: np.ndarray) -> Measured:
        """Args: scores: of every class, a higher one is more likely, [S, N, C]."""
        seeds = np.zeros((len(scores), len(self.rare), len(MEASURES)))
        drawn = np.zeros((self.draws, len(self.rare), len(MEASURES)))
        once = np.ones((1, self._weights.shape[1]), np.float32)
        for s, one in enumerate(scores):
            for r, c in enumerate(self.rare):
                seeds[s, r] = self._of_class(one[:, c], c, once)[0]
                drawn[:, r] += self._of_class(one[:, c], c, self._weights) / len(scores)
        return Measured(seeds.mean(axis=1), drawn)

    def difference(self, one: Measured, other: Measured) -> dict[str, paired.Difference]:
        """Measures of `one` minus those of `other`, by name."""
        apart = one.seeds - other.seeds
        moved = self._kept[..., None] * (one.drawn - other.drawn) + self._pull[..., None]
        return {
            name: self._between(apart[:, m], moved[..., m].mean(axis=1), (-1.0, 1.0))
            for m, name in enumerate(MEASURES)
        }

    def values(self, one: Measured) -> dict[str, tuple[float, float, float]]:
        """Measures of an arm with 95 % intervals: (value, low, high) by name."""
        return {
            name: self._between(one.seeds[:, m], one.drawn[..., m].mean(axis=1), (0.0, 1.0))[:3]
            for m, name in enumerate(MEASURES)
        }

    def _between(
        self, seeds: np.ndarray, drawn: np.ndarray, ends: tuple[float, float]
    ) -> paired.Difference:
        rng = np.random.Generator(np.random.Philox([self.seed, 12]))
        return paired.concluded(seeds, drawn, rng, ends=ends)

    def _of_class(self, scores: np.ndarray, c: int, weights: np.ndarray) -> np.ndarray:
        """Of one class against the rest, for each row of unit weights [B, U] -> [B, M]."""
        mine = np.flatnonzero(self.truth == c)
        rest = np.flatnonzero(self.truth != c)
        rest = rest[np.argsort(-scores[rest], kind="stable")]
        falling = -scores[rest]
        above, upto = (np.searchsorted(falling, -scores[mine], s) for s in ("left", "right"))
        found = np.empty((len(weights), len(MEASURES)))
        for start in range(0, len(weights), _PIECE):
            piece = weights[start : start + _PIECE]
            own = piece[:, self._unit[mine]].astype(float)
            alarms = np.zeros((len(piece), len(rest) + 1))
            np.cumsum(piece[:, self._unit[rest]], axis=1, out=alarms[:, 1:])
            alarms /= alarms[:, -1:]
            own /= own.sum(axis=1, keepdims=True)
            upper = alarms[:, upto]
            part = found[start : start + _PIECE]
            part[:, 0] = 1 - (own * (alarms[:, above] + upper)).sum(axis=1) / 2
            for m, specificity in enumerate(SPECIFICITIES):
                part[:, 1 + m] = (own * (upper <= (1 - specificity) * _RIM)).sum(axis=1)
        return found
