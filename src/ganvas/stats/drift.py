"""Are new images still like the calibration images? A rank-sum test on windows of p-values.

If a window of N new images and the n calibration images are exchangeable, the rank sum of the
window has the exact law of Wilcoxon, Mann and Whitney, whatever the scores are. So the share of
false alarms is known: at most `RATE` of all windows, on average over calibrations. A test that
takes p-values for independent and uniform would forget that all share one calibration.

Source: Mann & Whitney 1947, Annals of Mathematical Statistics 18; p-values of one calibration,
    Bates et al. 2023, arXiv:2104.08279.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

WINDOW = 50
"""Images of a window. Fewer than a third of them being defective rings no alarm."""
FEWEST = 20
"""Images below which nothing is tested."""
RATE = 0.001
"""Share of windows that ring though nothing has changed, at most."""


@dataclass(frozen=True)
class Drift:
    """A test of one or several windows of p-values.

    Attributes:
        alarm: whether a window rang.
        first: number of images before the end of the first window that rang; None: none did.
        windows, window: how many were tested, and images of each.
        p_value: of the last window that was tested, or of the first that rang.
        mean: of the same window's p-values; images like the calibration images have about 0.5.
        rate: share of windows that ring though nothing has changed, at most.
    """

    alarm: bool
    first: int | None
    windows: int
    window: int
    p_value: float
    mean: float
    rate: float

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        law = f"at most {self.rate:.1%} of such windows ring if nothing has changed"
        if not self.alarm:
            return (
                f"No drift in {self.windows} window(s) of {self.window} images (mean p-value of "
                f"the last {self.mean:.2f}, test p = {self.p_value:.2g}; {law})."
            )
        how = "more" if self.mean < 0.5 else "less"
        return (
            f"DRIFT: images up to number {self.first} are {how} unusual than the calibration "
            f"images (mean p-value of {self.window} images {self.mean:.2f}, test p = "
            f"{self.p_value:.2g}; {law}). Calibrate again if they are good."
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"sentence": self.sentence}


class Monitor:
    """Tests each window of `WINDOW` successive p-values as soon as it is full.

    Args:
        calibration: n: calibration images; of calibration by group, those of the smallest group.
        both: whether p-values that are too high ring as well. Those of calibration by group are
            the highest of all groups: they are too high by construction.
    """

    def __init__(self, calibration: int, *, both: bool = True, window: int = WINDOW):
        self.calibration, self.both, self.window = calibration, both, window
        self._held: list[float] = []
        self.windows = self.alarms = 0
        self.p_value, self.mean = 1.0, float("nan")

    def add(self, p_values: Iterable[float]) -> int:
        """Add p-values in their order. Returns: the number of windows that rang."""
        rang = 0
        for value in p_values:
            self._held.append(float(value))
            if len(self._held) == self.window:
                self.p_value = test(self._held, self.calibration, both=self.both)
                self.mean = float(np.mean(self._held))
                self._held, self.windows = [], self.windows + 1
                rang += self.p_value <= RATE
        self.alarms += rang
        return rang


def watch(p_values: Sequence[float] | np.ndarray, calibration: int, *, both: bool = True) -> Drift:
    """Test successive windows of p-values, in their order; few images are one window.

    Raises: ValueError: fewer than `FEWEST` p-values.
    """
    if len(p_values) < FEWEST:
        raise ValueError(f"a test of drift needs {FEWEST} p-values, got {len(p_values)}")
    window = min(WINDOW, len(p_values))
    monitor = Monitor(calibration, both=both, window=window)
    for start in range(0, len(p_values) - window + 1, window):
        if monitor.add(p_values[start : start + window]):
            break
    alarm = monitor.alarms > 0
    first = monitor.windows * window if alarm else None
    return Drift(alarm, first, monitor.windows, window, monitor.p_value, monitor.mean, RATE)


def test(p_values: Sequence[float], calibration: int, *, both: bool = True) -> float:
    """The p-value of one window: twice the smaller tail of the rank sum, or twice the lower one.

    Args:
        p_values: conformal, (1 + #{calibration scores >= score}) / (n + 1); ties make it careful
            on the lower side.
        calibration: n.
    """
    n, size = calibration, len(p_values)
    above = round(float(np.sum(p_values)) * (n + 1) - size)
    law = rank_sum(n, size)
    lower = float(law[min(max(above, 0), n * size)])
    upper = float(law[min(max(n * size - above, 0), n * size)])
    return min(1.0, 2 * (min(lower, upper) if both else lower))


@lru_cache(maxsize=32)
def rank_sum(n: int, size: int) -> np.ndarray:
    """P(U <= u) for u = 0 ... n size, U the number of pairs of which the calibration image scores
    higher, under exchangeability.

    The counts are the coefficients of prod_i (1 - q^(n + i)) / (1 - q^i), i = 1 ... size. Each
    depends on lower ones alone, so the lower tail keeps its digits; the law is symmetric.
    """
    counts = np.zeros(n * size + 1)
    counts[0] = 1.0
    for i in range(1, size + 1):
        counts[n + i :] -= counts[: -(n + i)].copy()
        padded = np.zeros(-(-len(counts) // i) * i)
        padded[: len(counts)] = counts
        counts = padded.reshape(-1, i).cumsum(0).ravel()[: len(counts)]
        counts /= (n + i) / i  # their sum stays 1 once all factors are in
    half = np.minimum(counts, counts[::-1])
    law: np.ndarray = np.minimum(np.cumsum(half) / half.sum(), 1.0)
    law.flags.writeable = False
    return law
