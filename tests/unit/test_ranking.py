"""Ranking measures against slow definitions, SciPy and cases worked out by hand."""

import numpy as np
import pytest
import scipy  # its parts are imported when a test first uses them

from ganvas.errors import UsageError
from ganvas.stats.ranking import aupro, auroc, average_precision, components
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


def spread_out(mask):
    """Regions of one mask by walking from pixel to pixel: slow, and plain."""
    left, found = set(zip(*np.nonzero(mask), strict=True)), []
    while left:
        edge = [left.pop()]
        region = set(edge)
        while edge:
            y, x = edge.pop()
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            region |= near
            edge += near
        found.append(region)
    return found


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 1.0])
def test_regions_are_connected_within_a_mask_and_never_across_masks(share):
    masks = RNG.random((3, 24, 31)) < share
    found = components(masks)
    assert ((found > 0) == masks).all()
    regions = [region for mask in masks for region in map(sorted, spread_out(mask))]
    ours = [
        sorted(zip(*np.nonzero(one == number), strict=True))
        for one in found
        for number in np.unique(one[one > 0])
    ]
    assert sorted(ours) == sorted(regions)
    assert list(np.unique(found[masks])) == list(range(1, len(regions) + 1))


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
    area = scipy.integrate.trapezoid(np.append(y[keep], edge), np.append(x[keep], 0.3)) / 0.3
    assert aupro(maps, regions) == pytest.approx(area, abs=2e-3)


@pytest.mark.parametrize("good, bad", [([], [1.0]), ([1.0], []), ([np.nan], [1.0])])
def test_nothing_to_rank(good, bad):
    with refuses(UsageError):
        auroc(good, bad)
    with refuses(UsageError):
        aupro(np.zeros((1, 4, 4)), np.zeros((1, 4, 4), int))
