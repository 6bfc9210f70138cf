"""The energy distance and its test: their formulas, the law of false alarms, what they see."""

import numpy as np
import pytest

from ganvas.stats import energy
from ganvas.stats.drift import RATE

WINDOW = 50
RNG = np.random.default_rng(0)


def normal(count, width=8, scale=1.0, shift=0.0):
    return (RNG.standard_normal((count, width)) * scale + shift).astype(np.float32)


def test_the_distance_is_its_formula():
    x, y = normal(7), normal(9, shift=1)

    def mean(a, b):
        return np.mean([np.linalg.norm(p - q) for p in a for q in b if (p != q).any()])

    wanted = (2 * mean(x, y) - mean(x, x) - mean(y, y)) / mean(y, y)
    assert energy.distance(x, y) == pytest.approx(wanted, 1e-5)


def test_false_alarms_are_as_rare_as_promised(monkeypatch):
    """Of equal distributions, p-values are uniform: 200 tests, five standard deviations."""
    monkeypatch.setattr(energy, "DRAWS", 199)
    p_values = [energy.test(normal(20), normal(60), RNG) for _ in range(200)]
    assert 0.5 - 5 * 0.29 / 200**0.5 < np.mean(p_values) < 0.5 + 5 * 0.29 / 200**0.5
    assert np.mean(np.array(p_values) <= 0.1) < 0.1 + 5 * 0.3 / 200**0.5


@pytest.mark.parametrize(
    "window", [normal(WINDOW, shift=0.5), normal(WINDOW, scale=0.5), np.zeros((WINDOW, 8), "f4")],
    ids=["shift", "spread", "collapse"],
)  # fmt: skip
def test_a_change_rings(window):
    monitor = energy.Monitor(normal(200), window=WINDOW)
    assert [monitor.add(vector) for vector in window[:-1]] == [None] * (WINDOW - 1)
    assert monitor.add(window[-1]) is True
    assert monitor.p_value <= RATE and monitor.distance > 0.05
    assert (monitor.windows, monitor.alarms) == (1, 1)


def test_equal_vectors_are_quiet():
    """All distances are 0: no permutation is smaller than what is seen."""
    same = np.ones((60, 4), np.float32)
    assert energy.test(same[:20], same, RNG) == 1.0
