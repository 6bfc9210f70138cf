"""Intervals against those of SciPy, against simulation, and where they must not be too sure."""

import numpy as np
import pytest
import scipy  # its parts are imported when a test first uses them

from ganvas.errors import UsageError
from ganvas.stats.intervals import (
    GROUPS,
    bootstrap,
    clopper_pearson,
    false_alarms,
    rate,
    student,
    wilson,
)

COUNTS = [(0, 20), (20, 20), (3, 50), (0, 1), (1, 1), (990, 1000), (5000, 10_000), (2, 100_000)]


@pytest.mark.parametrize("level", [0.9, 0.95, 0.999])
@pytest.mark.parametrize(("count", "of"), COUNTS)
def test_intervals_of_a_rate_are_scipys(count, of, level):
    test = scipy.stats.binomtest(count, of)
    exact = clopper_pearson(count, of, level)
    assert exact.value == count / of
    assert exact[1:] == pytest.approx(tuple(test.proportion_ci(level, "exact")), rel=1e-9)
    theirs = test.proportion_ci(level, "wilson")
    assert wilson(count, of, level) == pytest.approx(tuple(theirs), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("count", "of"), [(3, 2), (-1, 5), (0, 0)])
def test_what_is_no_rate(count, of):
    with pytest.raises(UsageError, match=f"{count} of {of}"):
        clopper_pearson(count, of)


def test_nothing_is_known_of_no_images():
    assert wilson(0, 0) == (0.0, 1.0)


def test_student_is_scipys():
    for freedom in (1, 2, 3, 4, 9, 19, 500):
        assert student(freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), rel=1e-12)
    assert student(19, 0.9) == pytest.approx(scipy.stats.t.ppf(0.95, 19), rel=1e-12)
    assert student(0) == student(1)


def test_a_rate_is_never_of_more_images_than_there_are():
    """A jackknife that hardly varies promises millions of independent images; there are 100."""
    still = 0.5 + 1e-6 * np.arange(GROUPS)
    assert rate(0.5, 100, still) == wilson(50, 100)


def test_a_rate_that_varies_is_of_fewer_images():
    varying = 0.5 + 0.01 * np.arange(GROUPS)
    low, high = rate(0.5, 100, varying)
    narrow = wilson(50, 100)
    assert low < narrow[0] - 0.05 and high > narrow[1] + 0.05
    assert low == pytest.approx(1 - high)


def test_false_alarms_holds_as_much_of_the_beta_binomial_as_it_says():
    for allowed, calibration, of in [(2, 20, 4000), (5, 100, 400), (1, 19, 1), (50, 1000, 10)]:
        low, high = false_alarms(allowed, calibration, of)
        # The count given a rate, over the rates there may be.
        shares = (np.arange(4000) + 0.5) / 4000
        rates = scipy.stats.beta.ppf(shares, allowed, calibration + 1 - allowed)
        below, upto = (scipy.stats.binom.cdf(k, of, rates).mean() for k in (low - 1, high))
        assert below < 0.025 and upto >= 0.975 - 1e-4
        inside = [scipy.stats.binom.cdf(k, of, rates).mean() for k in (low, high - 1)]
        assert inside[0] >= 0.025 - 1e-4 and inside[1] < 0.975


def test_false_alarms_are_as_many_as_conformal_p_values_raise():
    low, high = false_alarms(5, 100, 400)
    rng, counts = np.random.default_rng(1), []
    for _ in range(600):  # conformal p-values of scores of any shape
        held, new = rng.exponential(1, 100), rng.exponential(1, 400)
        p = (1 + (held >= new[:, None]).sum(1)) / 101
        counts.append((p <= 0.05).sum())
    assert np.mean([low <= count <= high for count in counts]) > 0.92
    assert np.mean(counts) / 400 == pytest.approx(5 / 101, abs=0.003)


def test_bootstrap_is_named_and_holds_its_value():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, 200), rng.normal(1, 1, 90)

    def gap(a, b):
        return float(b.mean() - a.mean())

    found = bootstrap(gap, low, high, seed=3, times=400)
    assert found == bootstrap(gap, low, high, seed=3, times=400)
    assert found.low < found.value == gap(low, high) < found.high
    half = 1.96 * np.sqrt(low.var() / 200 + high.var() / 90)  # of a mean, the normal theory's
    wanted = found.value - half, found.value + half
    assert found[1:] == pytest.approx(wanted, abs=0.05)
