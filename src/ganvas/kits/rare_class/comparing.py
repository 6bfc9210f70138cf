"""Arms compared on the test part: paired differences in measures that no threshold moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...stats import exact, paired, roc
from .plan import COUNTERPART, GAN_ARMS, HEADS, PLACEBO, REAL_ARMS, SYNTHETIC
from .results import Change, Comparison

BASELINES = ("class weights", "oversampling", "real", "classical", *HEADS)
"""What one does about a rare class without ganvas: the first of these that is compared."""


class Compared:
    """Scores and predictions of arms on the same test images.

    Args:
        scores: arm -> probabilities [S, N, C].
        guessed: arm -> predicted classes int [S, N], at the thresholds of validation.
        truth, units: int [N].
        rare: the rare classes.
        seed: of the draws.
    """

    def __init__(
        self, scores: Mapping[str, np.ndarray], guessed: Mapping[str, np.ndarray],
        truth: np.ndarray, units: np.ndarray, rare: tuple[int, ...], seed: int,
    ):  # fmt: skip
        classes = next(iter(scores.values())).shape[2]
        self.arms, self.seed = tuple(scores), seed
        self.judge = roc.Judge(truth, units, classes, rare, seed)
        self.measured = {arm: self.judge.measured(one) for arm, one in scores.items()}
        self._hits = {a: paired.tally(g, truth, units, classes) for a, g in guessed.items()}

    def values(self, arm: str) -> dict[str, tuple[float, float, float]]:
        """Measures of an arm with their intervals."""
        return self.judge.values(self.measured[arm])

    def synthetic(self, best: str) -> tuple[Comparison, ...]:
        """Every arm with synthetic images against the best arm without, p-values adjusted over
        arms and measures; `lead` is over all arms without, and the placebo of the arm."""
        pairs = [(arm, best) for arm in self.arms if arm in (*GAN_ARMS, SYNTHETIC)]
        rivals = {
            arm: [other for other in self.arms if other in REAL_ARMS or other == PLACEBO.get(arm)]
            for arm, _ in pairs
        }
        return self._compared(pairs, "best", rivals)

    def counterparts(self) -> tuple[Comparison, ...]:
        """Every arm with a generator against the same arm without."""
        pairs = [(a, COUNTERPART[a]) for a in self.arms if COUNTERPART.get(a) in self.arms]
        return self._compared(pairs, "counterpart")

    def placebos(self) -> tuple[Comparison, ...]:
        """Every arm with a generator against the same arm with a placebo."""
        pairs = [(a, PLACEBO[a]) for a in self.arms if PLACEBO.get(a) in self.arms]
        return self._compared(pairs, "placebo")

    def gains(self) -> tuple[Comparison, ...]:
        """Every arm against the baseline, but for placebos."""
        base = self.baseline
        left_out = (base, SYNTHETIC, *PLACEBO.values())
        return self._compared([(a, base) for a in self.arms if a not in left_out], "baseline")

    @property
    def baseline(self) -> str:
        return next(arm for arm in BASELINES if arm in self.arms)

    def _compared(
        self, pairs: Sequence[tuple[str, str]], kind: str,
        rivals: Mapping[str, Sequence[str]] | None = None,
    ) -> tuple[Comparison, ...]:  # fmt: skip
        found = {(a, b): self._apart(a, b) for a, b in pairs}
        flat = {(*pair, m): one.p for pair, of in found.items() for m, one in of.items()}
        names = {"|".join(key): p for key, p in flat.items()}
        adjusted = exact.holm(names)
        done = []
        for (a, b), measures in found.items():
            against = [self._apart(a, other) for other in (rivals or {}).get(a, [b])]
            changes = {
                m: Change(*one, adjusted["|".join((a, b, m))], min(o[m].low for o in against))
                for m, one in measures.items()
            }
            level = paired.difference(self._hits[a], self._hits[b], self.seed)
            balanced = Change(*level, level.p, level.low)
            done.append(Comparison(a, b, kind, changes, balanced))
        return tuple(done)

    def _apart(self, one: str, other: str) -> dict[str, paired.Difference]:
        return self.judge.difference(self.measured[one], self.measured[other])
