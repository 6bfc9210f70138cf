"""Probability of detection (POD): how it depends on the size and the contrast of a defect.

The model is that of MIL-HDBK-1823A (2009), "Nondestructive evaluation system reliability
assessment", for hits and misses: logit POD = b0 + b1 log(size) (+ b2 log(contrast)). a90 is the
size at which the POD is 0.9, and a90/95 the upper bound of a90 at a confidence of 95 %.

Differs: the bound is that of a bootstrap over specimens, because one image has several planted
defects; and coefficients are those of Firth's penalised likelihood, which are finite also where
all large defects are found and all small ones are missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .intervals import Interval

TIMES = 400
STEPS = 40
TAIL = 0.05
"""On each side: the upper end of an interval is a bound at a confidence of 95 %."""


@dataclass(frozen=True)
class Detection:
    """A fitted POD.

    Attributes:
        coefficients: b0, b1 and, with contrasts, b2.
        draws: the same of each bootstrap sample, [TIMES, 2 or 3].
    """

    coefficients: np.ndarray
    draws: np.ndarray

    def pod(self, size: float, contrast: float = 1.0) -> Interval:
        """The probability that a defect is found, with bounds at a confidence of 95 % each."""
        return self._interval(lambda b: 1 / (1 + np.exp(-(b @ self._row(size, contrast)))))

    def needed(self, share: float = 0.9, contrast: float = 1.0) -> Interval:
        """The size from which on a share of defects is found (a90 for 0.9), and its bounds; the
        upper one is a90/95. Infinite where larger defects are not found more often."""
        wanted = math.log(share / (1 - share))

        def size(b: np.ndarray) -> np.ndarray:
            rest = wanted - b[:, 0] - (b[:, 2] * math.log(contrast) if b.shape[1] > 2 else 0)
            with np.errstate(divide="ignore", over="ignore"):
                found = np.exp(rest / np.where(b[:, 1] > 0, b[:, 1], np.nan))
            return np.where(np.isnan(found), np.inf, found)

        return self._interval(size)

    def _row(self, size: float, contrast: float) -> np.ndarray:
        return np.array([1, math.log(size), math.log(contrast)])[: len(self.coefficients)]

    def _interval(self, measure: Callable[[np.ndarray], np.ndarray]) -> Interval:
        drawn = np.sort(measure(self.draws))
        low = drawn[math.floor(TAIL * len(drawn))]
        high = drawn[math.ceil((1 - TAIL) * len(drawn)) - 1]
        return Interval(float(measure(self.coefficients[None])[0]), float(low), float(high))


def detection(
    sizes: np.ndarray,
    found: np.ndarray,
    specimens: np.ndarray,
    *,
    contrasts: np.ndarray | None = None,
    seed: int = 0,
    times: int = TIMES,
) -> Detection:
    """Fit a POD to hits and misses.

    Args:
        sizes: of the defects, above 0, [N].
        found: bool [N].
        specimens: the image that each defect is in, [N]: images are drawn, with all their defects.
        contrasts: above 0, [N]; None: the POD depends on the size alone.
    """
    columns = [np.ones(len(sizes)), np.log(sizes)]
    columns += [] if contrasts is None else [np.log(contrasts)]
    x, y = np.stack(columns, 1), np.asarray(found, np.float64)
    _, of = np.unique(specimens, return_inverse=True)
    count = int(of.max()) + 1
    rng = np.random.Generator(np.random.Philox(seed))
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=times)
    every = _fitted(x, y, np.concatenate([np.ones((1, len(y))), drawn[:, of]]).astype(np.float64))
    return Detection(every[0], every[1:])


def _fitted(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients [B, D] for weights of rows [B, N], by Newton's method.

    Source: Firth 1993, Biometrika 80; Heinze & Schemper 2002, Statistics in Medicine 21.
    """
    centre, spread = x.mean(0), x.std(0)
    centre[0], spread[0] = 0, 1
    scaled = (x - centre) / np.maximum(spread, 1e-9)
    b = np.zeros((len(weights), x.shape[1]))
    ridge = 1e-9 * np.eye(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(b @ scaled.T, -30, 30)))
        curved = weights * p * (1 - p)
        inverse = np.linalg.inv(np.einsum("bn,nd,ne->bde", curved, scaled, scaled) + ridge)
        leverage = curved * np.einsum("nd,bde,ne->bn", scaled, inverse, scaled)
        score = (weights * (y - p) + leverage * (0.5 - p)) @ scaled
        step = np.einsum("bde,be->bd", inverse, score)
        step *= np.minimum(1, 2 / np.maximum(1e-12, np.abs(step).max(1, keepdims=True)))
        b += step
        if np.abs(step).max() < 1e-8:
            break
    slopes = b / np.maximum(spread, 1e-9)
    slopes[:, 0] = b[:, 0] - slopes[:, 1:] @ centre[1:]
    return slopes
