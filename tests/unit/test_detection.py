"""The probability of detection: its fit, its bound, and cases in which all or nothing is found."""

import numpy as np
import pytest

from ganvas.stats.detection import detection


def drawn(seed, count=100, each=2, contrasts=False):
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(3), np.log(60), count))
    strong = np.exp(rng.uniform(np.log(0.5), np.log(3), count))
    logit = -8 + 3.2 * np.log(sizes) + (1.5 * np.log(strong) if contrasts else 0)
    found = rng.random(count) < 1 / (1 + np.exp(-logit))
    return sizes, strong, found, np.arange(count) // each


TRUE = np.exp((np.log(9) + 8) / 3.2)


def test_the_bound_is_above_the_true_size_in_nine_of_ten_cases():
    """Of nominally 95 %; both misses of a median would be a poor estimate."""
    bounds = []
    for seed in range(40):
        sizes, _, found, of = drawn(seed)
        bounds.append(detection(sizes, found, of, seed=seed, times=200).needed())
    assert np.mean([one.high >= TRUE for one in bounds]) >= 0.9
    assert np.median([one.value for one in bounds]) == pytest.approx(TRUE, rel=0.1)


def test_many_defects_give_the_model_back():
    sizes, strong, found, of = drawn(0, 6000, 3, contrasts=True)
    fitted = detection(sizes, found, of, contrasts=strong, times=50)
    assert fitted.coefficients == pytest.approx([-8, 3.2, 1.5], rel=0.15)
    weak, clear = fitted.needed(contrast=0.5), fitted.needed(contrast=2)
    assert weak.value == pytest.approx(TRUE * 2 ** (1.5 / 3.2), rel=0.1)
    assert clear.high < weak.low
    pod = fitted.pod(weak.value, 0.5)
    assert pod.value == pytest.approx(0.9) and pod.low < 0.9 < pod.high


def test_a_clean_cut_is_finite_and_nothing_found_is_infinite():
    sizes = np.geomspace(3, 60, 40)
    cut = detection(sizes, sizes > 20, np.arange(40)).needed()
    assert 18 < cut.value < 40 and np.isfinite(cut.high)
    assert detection(sizes, sizes > 99, np.arange(40)).needed().high > 60
    assert detection(sizes, sizes < 20, np.arange(40)).needed().value == np.inf
