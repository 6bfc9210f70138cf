"""Privacy cost of a training: epsilon at delta, of the Gaussian mechanism on Poisson samples.

`dp-accounting`, an extra, composes the steps (privacy loss distributions).

Source: Abadi et al. 2016, arXiv:1607.00133; Koskela et al. 2020, arXiv:1906.03049. Neighbouring
    data sets differ by one image more or less.
"""

from __future__ import annotations

import functools
from importlib import metadata
from typing import Any

from ..base import extras
from ..errors import ConfigError

TOLERANCE = 1e-3  # relative error of epsilon in the search for noise
FINE, COARSE = 1e-4, 1e-3
_MOST_NOISE = 1e4


@functools.lru_cache(maxsize=256)
def epsilon(noise: float, rate: float, turns: int, delta: float, interval: float = FINE) -> float:
    """Epsilon of so many turns, rounded up.

    Args:
        noise: standard deviation over the clipping norm.
        rate: probability that an image is in the sample of a turn.
        turns: of the discriminator, each on its own sample.
        interval: of the grid to which privacy losses are rounded.

    Raises: ConfigError: no accountant is installed.
    """
    if turns == 0:
        return 0.0
    dp, accountant = _accountant(interval)
    event = dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(noise))
    accountant.compose(event, turns)
    return float(accountant.get_epsilon(delta))


def noise_for(target: float, rate: float, turns: int, delta: float) -> float:
    """The least noise with which so many turns cost at most epsilon, to a thousandth of it."""

    def cost(noise: float) -> float:  # rounded up more, but twenty times as fast
        return epsilon(noise, rate, turns, delta, COARSE)

    low, high = 0.0, 1.0
    while cost(high) > target:
        low, high = high, 2 * high
        if high > _MOST_NOISE:
            raise ConfigError(
                f"privacy.epsilon = {target:g} cannot be reached in {turns} turns at delta "
                f"{delta:g}: decrease train.kimg or increase privacy.epsilon"
            )
    while cost(high) < (1 - TOLERANCE) * target and high - low > 1e-6 * high:
        middle = (low + high) / 2
        if cost(middle) > target:
            low = middle
        else:
            high = middle
    return high


def gaussian(target: float, delta: float) -> float:
    """Noise, over the sensitivity, of a single release that costs at most epsilon."""
    return noise_for(target, 1.0, 1, delta)


def describe() -> str:
    """Name and version of the accountant."""
    return f"dp-accounting {metadata.version('dp-accounting')}, privacy loss distributions"


def _accountant(interval: float) -> tuple[Any, Any]:
    extras.check("privacy", "[privacy]")
    import dp_accounting
    from dp_accounting import pld

    neighbours = dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
    return dp_accounting, pld.PLDAccountant(neighbours, value_discretization_interval=interval)
