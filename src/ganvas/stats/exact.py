"""Exact tests: of exposure, with its power; of a mean, by permutation; of several hypotheses.

The tests of exposure and of a mean have one null hypothesis: if the generator does not depend on
the choice of its training images, then *trained on* and *held out* are labels assigned at random to
the pooled images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # its parts are imported when they are first used

DEALS = 19_999  # random assignments of the labels that a statistic is compared with
_FIRST = 10  # smallest number of images at the top; a quarter of all where these are few
_FEWEST_FIRST = 3
_GROWTH = math.sqrt(2)


@dataclass(frozen=True)
class Exposure:
    """Result of the test whether training images have the highest scores.

    Attributes:
        p: probability of at least this result, if the labels were assigned at random.
        top: number of images at the top for which the evidence is strongest.
        members: number of training images among them.
    """

    p: float
    top: int
    members: int


def exposure(
    scores: np.ndarray, member: np.ndarray, seed: int, people: np.ndarray | None = None
) -> Exposure:
    """Tests whether training images (members) have the highest scores.

    The count of members among the k highest scores is hypergeometric; the smallest tail over
    k = 10, 14, 20, ... is compared with that of 19,999 random assignments. So one test detects both
    few clearly exposed images and a small effect on all images. With fewer than 40 in all, k begins
    at a quarter of them.

    Args:
        scores: higher for suspected members, float [N]; ties are broken at random.
        member: whether trained on, bool [N].
        seed: of ties and assignments.
        people: the person on each image: then labels are assigned to people, each with the highest
            score of their images, because scores of one person's images are not independent.
    """
    if people is not None:
        names, number = np.unique(people, return_inverse=True)
        most = np.full(len(names), -np.inf)
        np.maximum.at(most, number, scores)
        known = np.zeros(len(names), bool)
        known[number] = member
        scores, member = most, known
    ties = np.random.Generator(np.random.Philox([seed, 1])).random(len(scores))
    order = np.lexsort((ties, -np.asarray(scores, np.float64)))
    counts = np.cumsum(np.asarray(member, bool)[order])
    members, others = int(counts[-1]), len(counts) - int(counts[-1])
    tops, logs, smallest = _null(members, others, seed)
    tails = np.array([logs[i][counts[k - 1]] for i, k in enumerate(tops)])
    best = int(tails.argmin())
    return Exposure(_p(tails[best], smallest), int(tops[best]), int(counts[tops[best] - 1]))


def needed(members: int, others: int, level: float, seed: int = 0) -> int | None:
    """The number of training images that must score above all others for p <= level; None if no
    number suffices."""
    tops, logs, smallest = _null(members, others, seed)
    for seen in range(1, members + 1):
        share = (members - seen) / max(1, members + others - seen)  # of the rest
        counts = [min(k, seen) + math.floor(max(0, k - seen) * share) for k in tops]
        tails = [logs[i][min(c, len(logs[i]) - 1)] for i, c in enumerate(counts)]
        if _p(min(tails), smallest) <= level:
            return seen
    return None


def least_share(
    n: int, count: int | None, found: float = 1.0, power: float = 0.9, people: int | None = None
) -> float:
    """The smallest share of n images that must be copies, so that `count` are found with a
    probability of `power`, if each is found with probability `found`; 1 if there is none.

    Args:
        people: if given, `count` is a number of different people, and each copy shows one of so
            many at random. The number of copies that show a person is then about Poisson.
    """
    if count is None or count > (people or n) or found <= 0:
        return 1.0
    if people is not None:
        reached = float(scipy.special.betaincinv(count, people - count + 1, power))
        return min(1.0, -math.log1p(-min(reached, 1 - 1e-12)) * people / (n * found))
    # P(X >= count), X binomial of n and p, is the regularised incomplete beta function of p.
    share = float(scipy.special.betaincinv(count, n - count + 1, power)) / found
    return min(1.0, share)


@lru_cache(maxsize=16)
def _null(members: int, others: int, seed: int) -> tuple[list[int], list[np.ndarray], np.ndarray]:
    """Tops, the log tail of each count at each top, and the smallest of each random assignment."""
    total = members + others
    tops: list[int] = []
    k = float(min(_FIRST, max(_FEWEST_FIRST, total // 4), total))
    while round(k) <= max(total // 2, tops[0] if tops else round(k)):
        tops.append(round(k))
        k *= _GROWTH
    logs = [_log_tails(k, members, others) for k in tops]
    rng = np.random.Generator(np.random.Philox([seed, 2]))
    counts = np.zeros(DEALS, np.int64)
    smallest = np.zeros(DEALS)
    for i, k in enumerate(tops):
        before = tops[i - 1] if i else 0
        counts += rng.hypergeometric(members - counts, others - (before - counts), k - before)
        smallest = np.minimum(smallest, logs[i][counts])
    return tops, logs, np.sort(smallest)


def _p(value: float, null: np.ndarray) -> float:
    return (1 + int(np.searchsorted(null, value + 1e-9, side="right"))) / (len(null) + 1)


def _log_tails(drawn: int, members: int, others: int) -> np.ndarray:
    """log P(at least c members among `drawn`), for c = 0 .. drawn."""
    cs = np.arange(max(0, drawn - others), min(drawn, members) + 1)
    logs = scipy.stats.hypergeom.logpmf(cs, members + others, members, drawn)
    tails = np.full(drawn + 1, -745.0)  # exp of less is 0 in floats
    tails[: cs[0]] = 0.0
    with np.errstate(divide="ignore"):
        tails[cs] = np.maximum(np.log(np.cumsum(np.exp(logs)[::-1])[::-1]), -745.0)
    return np.minimum(tails, 0.0)


def permuted(members: np.ndarray, others: np.ndarray, seed: int) -> float:
    """P(a mean difference of at least this), over random assignments of membership."""
    values = np.concatenate([members, others]).astype(np.float64)
    cut = len(members)
    rng = np.random.Generator(np.random.Philox([seed, 3]))
    seen = values[:cut].mean()
    above, done = 0, 0
    while done < DEALS:
        some = min(DEALS - done, max(1, 2_000_000 // len(values)))
        means = rng.permuted(np.tile(values, (some, 1)), axis=1)[:, :cut].mean(axis=1)
        above += int((means >= seen - 1e-12).sum())
        done += some
    return (1 + above) / (DEALS + 1)


def by_person(values: np.ndarray, people: np.ndarray) -> np.ndarray:
    """The mean of each person's values."""
    _, number, counts = np.unique(people, return_inverse=True, return_counts=True)
    return np.bincount(number, values) / counts


def holm(p: dict[str, float]) -> dict[str, float]:
    """p-values adjusted for all comparisons together.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, p. 65.
    """
    adjusted: dict[str, float] = {}
    most = 0.0
    for place, name in enumerate(sorted(p, key=p.__getitem__)):
        most = max(most, min(1.0, (len(p) - place) * p[name]))
        adjusted[name] = most
    return {name: adjusted[name] for name in p}
