"""Measures by ranking against slow formulas, and how often their intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from ganvas.stats import ranking
from ganvas.stats.roc import MEASURES, Judge


def judge(truth, units=None, rare=(1,), draws=200, seed=0):
    units = np.arange(len(truth)) if units is None else units
    return Judge(truth, units, int(truth.max()) + 1, rare, seed, draws)


def columns(scores, classes=2, rare=1):
    """[S, N] -> [S, N, C], with the scores in one column."""
    found = np.zeros((*scores.shape, classes))
    found[..., rare] = scores
    return found


@pytest.mark.parametrize("ties", [False, True])
def test_values_are_those_of_slow_formulas(ties):
    rng = np.random.default_rng(ties)
    truth = (rng.random(300) < 0.2).astype(int)
    scores = rng.standard_normal((1, 300)) + truth
    scores = np.round(scores) if ties else scores
    found = judge(truth).measured(columns(scores)).seeds[0]
    good, bad = scores[0][truth == 0], scores[0][truth == 1]
    assert found[0] == pytest.approx(ranking.auroc(good, bad))
    for value, most in ((found[1], 0.1), (found[2], 0.05)):
        called = [t for t in np.unique(scores) if (good >= t).mean() <= most]
        assert value == pytest.approx((bad >= min(called)).mean() if called else 0.0)


def test_no_monotone_change_of_scores_moves_a_measure():
    rng = np.random.default_rng(0)
    truth = (rng.random(400) < 0.1).astype(int)
    scores = 1 / (1 + np.exp(-rng.standard_normal((3, 400)) - truth))
    one = judge(truth)
    moved = one.difference(one.measured(columns(scores**0.1)), one.measured(columns(scores)))
    assert [tuple(d)[:3] for d in moved.values()] == [(0, 0, 0)] * len(MEASURES)


def test_several_rare_classes_are_averaged():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    scores = rng.random((2, 300, 3)) + np.eye(3)[truth]
    apart = [judge(truth, rare=(c,)).measured(scores).seeds for c in (1, 2)]
    both = judge(truth, rare=(1, 2)).measured(scores).seeds
    assert both == pytest.approx((apart[0] + apart[1]) / 2)


@pytest.mark.parametrize(("rare", "per_unit"), [(60, 1), (60, 5), (3, 1)])
def test_intervals_cover_no_difference(rare, per_unit):
    """Two arms that are equally good and share what is hard: few of 80 studies see one ahead."""
    claims = np.zeros(len(MEASURES))
    for study in range(80):
        rng = np.random.default_rng([rare, per_unit, study])
        truth = np.repeat([1, 0], [rare, 150])
        units = np.arange(rare + 150) // per_unit
        hard = 0.8 * rng.standard_normal(len(truth)) + 1.5 * truth
        shift = 0.8 * rng.standard_normal((2, units.max() + 1))[:, units]
        arms = [hard + own + 0.3 * rng.standard_normal((4, len(truth))) for own in shift]
        one = judge(truth, units, seed=study, draws=200)
        found = one.difference(*(one.measured(columns(arm)) for arm in arms))
        claims += [d.p < 0.05 for d in found.values()]
    assert (claims <= 9).all(), claims  # 12 %: three standard errors above 5 %


def test_a_clear_difference_is_seen():
    rng = np.random.default_rng(0)
    truth = (rng.random(500) < 0.2).astype(int)
    one = judge(truth, draws=1000)
    arms = [rng.standard_normal((3, 500)) + gain * truth for gain in (2.5, 1.0)]
    found = one.difference(*(one.measured(columns(arm)) for arm in arms))
    assert all(d.low > 0 and d.p < 0.02 for d in found.values())
    assert found == one.difference(*(one.measured(columns(arm)) for arm in arms))
    value, low, high = one.values(one.measured(columns(arms[0])))["auroc"]
    assert 0.5 < low < value < high <= 1


def test_seeds_that_differ_widen_the_interval():
    rng = np.random.default_rng(0)
    truth = (rng.random(500) < 0.2).astype(int)
    noise = rng.standard_normal((2, 500))
    one = judge(truth)

    def width(gains):
        arm = np.stack([noise[0] + gain * truth for gain in gains])
        other = np.stack([noise[1] + truth] * 2)
        found = one.difference(*(one.measured(columns(a)) for a in (arm, other)))["auroc"]
        return found.high - found.low

    assert width((0.5, 1.5)) > 2 * width((1.0, 1.0))
