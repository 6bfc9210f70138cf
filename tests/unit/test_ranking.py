"""The measures of kits.ranking against slow definitions, SciPy and cases worked out by hand."""

import numpy as np
import pytest
import scipy  # its parts are imported when a test first uses them

from ganvas.errors import UsageError
from ganvas.stats.ranking import (
    aupro,
    auroc,
    average_precision,
    bootstrap,
    clopper_pearson,
    components,
    false_alarms,
)
from refusals import refuses

RNG = np.random.default_rng(0)
COARSE = RNG.integers(0, 6, 40).astype(float), RNG.integers(2, 9, 25).astype(float)
FINE = RNG.normal(0, 1, 200), RNG.normal(1, 1, 90)


@pytest.mark.parametrize(("good", "bad"), [COARSE, FINE], ids=["ties", "no ties"])
def test_auroc_is_the_share_of_pairs_in_order(good, bad):
    pairs = (bad[:, None] > good) + 0.5 * (bad[:, None] == good)
    assert auroc(good, bad) == pytest.approx(pairs.mean(), abs=1e-12)
    u = scipy.stats.mannwhitneyu(bad, good).statistic
    assert auroc(good, bad) == pytest.approx(u / len(good) / len(bad), abs=1e-12)
    assert auroc(bad, good) == pytest.approx(1 - auroc(good, bad), abs=1e-12)


@pytest.mark.parametrize(("good", "bad"), [COARSE, FINE], ids=["ties", "no ties"])
def test_average_precision_is_the_sum_over_thresholds(good, bad):
    total, before = 0.0, 0.0
    for threshold in sorted({*good, *bad}, reverse=True):
        hits, alarms = (bad >= threshold).sum(), (good >= threshold).sum()
        total += (hits / len(bad) - before) * hits / (hits + alarms)
        before = hits / len(bad)
    assert average_precision(good, bad) == pytest.approx(total, abs=1e-12)


def test_perfect_useless_and_reversed():
    assert auroc([0, 1], [2, 3]) == average_precision([0, 1], [2, 3]) == 1
    assert auroc([1, 1], [1]) == 0.5
    assert average_precision([1, 1, 1], [1]) == 0.25
    assert auroc([5], [1]) == 0


def test_regions_are_those_of_scipy():
    masks = RNG.random((3, 24, 31)) < 0.3
    found = components(masks)
    for mask, ours in zip(masks, found, strict=True):
        theirs, count = scipy.ndimage.label(mask, np.ones((3, 3)))
        pairs = np.unique(np.stack([ours[mask], theirs[mask]]), axis=1)
        assert pairs.shape[1] == count == len(np.unique(ours[mask]))
        assert (ours[~mask] == 0).all()
    assert len(np.unique(found)) == 1 + sum(
        scipy.ndimage.label(m, np.ones((3, 3)))[1] for m in masks
    )


def test_aupro_weighs_regions_alike_and_stops_at_the_limit():
    regions = np.zeros((1, 10, 10), int)
    regions[0, 0, 0] = 1  # one pixel
    regions[0, 5:, 5:] = 2  # 25 of them
    maps = np.zeros((1, 10, 10))
    maps[regions > 0] = 1
    assert aupro(maps, regions) == pytest.approx(1)
    maps[regions == 1] = -1  # the small one is found last
    flagged = np.linspace(0, 0.3, 400)
    steps = np.where(flagged <= 0, 0.5, 0.5 + 0.0 * flagged)
    assert aupro(maps, regions) == pytest.approx(steps.mean(), abs=0.01)


def test_aupro_against_a_slow_definition():
    maps = RNG.normal(0, 1, (4, 12, 12))
    regions = components(RNG.random((4, 12, 12)) < 0.15)
    maps = maps + (regions > 0)
    points = [(0.0, 0.0)]
    for threshold in sorted(maps.reshape(-1), reverse=True):
        flagged = maps >= threshold
        shares = [flagged[regions == r].mean() for r in range(1, regions.max() + 1)]
        points.append((flagged[regions == 0].mean(), np.mean(shares)))
    x, y = np.array(points).T
    edge = np.interp(0.3, x, y)
    keep = x <= 0.3
    area = np.trapezoid(np.append(y[keep], edge), np.append(x[keep], 0.3)) / 0.3
    assert aupro(maps, regions) == pytest.approx(area, abs=2e-3)


@pytest.mark.parametrize(("count", "of"), [(0, 20), (20, 20), (3, 50), (990, 1000), (1, 1)])
def test_clopper_pearson_is_scipys(count, of):
    theirs = scipy.stats.binomtest(count, of).proportion_ci(0.95, "exact")
    ours = clopper_pearson(count, of)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_false_alarms_is_the_beta_binomial_and_true():
    theirs = scipy.stats.betabinom(4000, 2, 19)
    assert false_alarms(2, 20, 4000) == (theirs.ppf(0.025), theirs.ppf(0.975))
    low, high = false_alarms(5, 100, 400)
    theirs = scipy.stats.betabinom(400, 5, 96)
    assert (low, high) == (theirs.ppf(0.025), theirs.ppf(0.975))
    rng, counts = np.random.default_rng(1), []
    for _ in range(600):  # conformal p-values of scores of any shape
        held, new = rng.exponential(1, 100), rng.exponential(1, 400)
        p = (1 + (held >= new[:, None]).sum(1)) / 101
        counts.append((p <= 0.05).sum())
    assert np.mean([low <= count <= high for count in counts]) > 0.92
    assert np.mean(counts) / 400 == pytest.approx(5 / 101, abs=0.003)


def test_bootstrap_is_named_and_holds_its_value():
    found = bootstrap(auroc, *FINE, seed=3, times=200)
    assert found == bootstrap(auroc, *FINE, seed=3, times=200)
    assert found.low < found.value == auroc(*FINE) < found.high


@pytest.mark.parametrize("good, bad", [([], [1.0]), ([1.0], []), ([np.nan], [1.0])])
def test_nothing_to_rank(good, bad):
    with refuses(UsageError):
        auroc(good, bad)
    with pytest.raises(UsageError):
        clopper_pearson(3, 2)
    with refuses(UsageError):
        aupro(np.zeros((1, 4, 4)), np.zeros((1, 4, 4), int))
