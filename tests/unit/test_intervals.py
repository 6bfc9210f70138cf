"""Intervals of rates never claim more images than there are."""

import numpy as np
import pytest

from ganvas.stats.intervals import GROUPS, rate, wilson


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
