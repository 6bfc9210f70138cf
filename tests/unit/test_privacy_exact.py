"""Exact tests against SciPy and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy  # its parts are imported when a test first uses them

from ganvas.stats import exact


@pytest.mark.parametrize(
    "count,drawn,members,others",
    [(7, 10, 50, 60), (0, 5, 9, 9), (3, 3, 5, 2), (12, 40, 100, 1000), (0, 9, 20, 3)],
)
def test_hypergeometric_tail(count, drawn, members, others):
    expected = scipy.stats.hypergeom.sf(count - 1, members + others, members, drawn)
    logs = exact._log_tails(drawn, members, others)
    assert np.exp(logs[count]) == pytest.approx(expected, abs=1e-12)


def test_holm():
    found = exact.holm({"a": 0.01, "b": 0.02, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"d": 0.02, "a": 0.03, "b": 0.04, "c": 0.04})
    assert exact.holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06}
    )
    assert exact.holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert exact.holm({}) == {}


def test_exposure_raises_no_more_false_alarms_than_it_says():
    rng = np.random.default_rng(0)
    ps = [
        exact.exposure(np.round(rng.random(300), 1), rng.permutation(300) < 100, 0).p
        for _ in range(1500)
    ]
    for level in (0.3, 0.1, 0.01):
        alarms = int(np.sum(np.array(ps) <= level))
        assert scipy.stats.binomtest(alarms, len(ps), level, "greater").pvalue > 1e-3, level
    assert np.mean(np.array(ps) <= 0.3) > 0.2, "it should not be idle either"


@pytest.mark.parametrize("leaked", [20, 500])
def test_exposure_sees_few_in_full_view_and_many_a_little(leaked):
    rng = np.random.default_rng(1)
    scores = rng.normal(size=4000)
    member = np.arange(4000) < 2000
    scores[:leaked] += 10 if leaked == 20 else 1
    assert exact.exposure(scores, member, 0).p < 1e-3


def test_needed_is_what_exposure_needs():
    count = exact.needed(300, 300, 0.001)
    member = np.arange(600) < 300
    background = np.where(member, np.arange(600) * 2, np.arange(600) * 2 - 599) / -1e4

    def p(leaked):
        return exact.exposure(np.where(np.arange(600) < leaked, 1.0, background), member, 0).p

    assert p(count) <= 0.001 < p(count - 4)
    assert exact.needed(20, 2000, 1e-9) is None


def test_least_share_gives_its_power():
    share = exact.least_share(1000, 14, found=0.8)
    assert scipy.stats.binom.sf(13, 1000, share * 0.8) == pytest.approx(0.9, abs=1e-9)
    assert exact.least_share(1000, 900, found=0.8) == 1.0
    assert exact.least_share(10, 14) == exact.least_share(10, None) == 1.0


def test_permuted():
    rng = np.random.default_rng(2)
    same, higher = rng.random(30), rng.random(30) + 0.5
    assert exact.permuted(higher, same, 0) < 1e-3
    assert exact.permuted(same, same, 0) > 0.3


def test_images_of_one_person_count_as_one():
    """Ten photographs of a few people who happen to look suspicious are no leak of ten images."""
    rng = np.random.default_rng(3)
    people = np.repeat(np.arange(40), 10)
    member = people < 20
    alarms = {"images": 0, "people": 0}
    for _ in range(60):
        scores = rng.normal(size=40)[people] + 0.1 * rng.normal(size=400)
        alarms["images"] += exact.exposure(scores, member, 0).p <= 0.01
        alarms["people"] += exact.exposure(scores, member, 0, people).p <= 0.01
    assert alarms["people"] <= 3 < 10 < alarms["images"]
