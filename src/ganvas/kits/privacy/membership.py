"""Membership inference: can training images be distinguished from held-out images?

Each attack gives every queried real image a score of suspicion; training images should not score
higher than held-out ones. What counts is how many are exposed at few false alarms, not the average
(Carlini et al. 2022, arXiv:2112.03570).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are first used
import tensorflow as tf

from ...evaluation.base import Sample
from ...evaluation.copies import coarse, nearest
from ...gan.model import GAN
from ...images import to_float
from ...stats.exact import by_person, exposure, permuted
from ...stats.intervals import clopper_pearson
from ...stats.ranking import auroc
from .case import Case
from .result import Result
from .risk import by_rank

RATES = (0.01, 0.001)  # false alarms allowed
DELTA = 1e-5
_BATCH = 64
_MOST_CLASSES = 20
_SETS = 1000
_RESAMPLES, _RESAMPLED_SETS = 200, 50


@dataclass(frozen=True)
class Queries:
    """The real images that are tested: as many of each kind.

    Attributes:
        train, holdout: indices in the parts, int64 [Q].
        small: uint8 [2 Q, h, w, C], those trained on first.
        people: who is on them, [2 Q]; None where they are not people.
        names: of the images, text [2 Q].
    """

    train: np.ndarray
    holdout: np.ndarray
    small: np.ndarray
    people: np.ndarray | None = None
    names: np.ndarray | None = None

    @property
    def member(self) -> np.ndarray:
        return np.arange(2 * len(self.train)) < len(self.train)

    def pixels(self, case: Case) -> np.ndarray:
        """In full size, float [2 Q, H, W, C] in [-1, 1]."""
        both = case.train.pixels(self.train), case.holdout.pixels(self.holdout)
        return to_float(np.concatenate(both))


def draw_queries(case: Case, most: int) -> Queries:
    """At most so many of each kind, drawn at random."""
    count = min(most, len(case.train), len(case.holdout))
    rows = [
        np.sort(np.random.default_rng([case.seed, purpose]).permutation(len(part))[:count])
        for purpose, part in ((11, case.train), (12, case.holdout))
    ]
    small = np.concatenate([case.train.small[rows[0]], case.holdout.small[rows[1]]])
    both = np.concatenate([rows[0], len(case.train) + rows[1]])
    people = None if case.people is None else case.people[both]
    return Queries(rows[0], rows[1], small, people, case.places[both])


def by_nearest(queries: np.ndarray, fakes: np.ndarray) -> np.ndarray:
    """The closer its nearest fake, the more suspicious: uint8 [Q, h, w, C], [N, ...] -> [Q].

    Source: Chen et al. 2020, arXiv:1909.03935, full black box. Differs: at the best of nine shifts.
    """
    _, distances = nearest(Sample.of_pixels(queries), Sample.of_pixels(fakes), 1)
    return -distances[:, 0].astype(np.float64)


def by_crowd(queries: np.ndarray, fakes: np.ndarray) -> np.ndarray:
    """How many fakes lie within a ball, and how deep: [Q].

    The radius is the median distance from a query to its nearest fake. Differs: a fake at distance
    d counts log(radius / d), so that the sum has no ties.

    Source: Hilprecht et al. 2019, doi:10.2478/popets-2019-0067, Monte Carlo attack.
    """
    x, y = coarse(queries), coarse(fakes)
    least = np.concatenate([apart.min(axis=1) for apart in _apart(x, y)])
    radius = np.float32(np.median(least))
    deep = [np.maximum(np.log(radius / apart), 0).sum(axis=1) for apart in _apart(x, y)]
    return np.concatenate(deep).astype(np.float64)


def _apart(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Distances of some rows of x at a time, float32 [B, M], never quite 0."""
    lengths = (x**2).sum(1), (y**2).sum(1)
    for start in range(0, len(x), 500):
        part = slice(start, start + 500)
        squared = lengths[0][part, None] + lengths[1] - 2 * x[part] @ y.T
        yield np.sqrt(np.maximum(squared, np.float32(1e-6)))


def by_discriminator(
    gan: GAN, images: np.ndarray, labels: np.ndarray | None, classes: int, seed: int
) -> np.ndarray:
    """The discriminator's logit: the higher, the more suspicious.

    Images of both kinds share batches, so that layers which compare a batch favour none. Without
    labels that the GAN was trained with, each image gets the logits of every class (or of 20), and
    the highest counts.

    Args:
        classes: of the GAN, found groups among them.

    Source: Hayes et al. 2019, arXiv:1705.07663, white box.
    Shapes: float [Q, H, W, C], int32 [Q] -> float [Q].
    """
    order = np.random.default_rng([seed, 13]).permutation(len(images))
    tried: list[np.ndarray | None] = [None]
    if gan.conditional and labels is not None:
        tried = [labels]
    elif gan.conditional:
        some = np.random.default_rng([seed, 14]).permutation(classes)[:_MOST_CLASSES]
        tried = [np.full(len(images), label, np.int32) for label in some]
    judge = tf.function(lambda image, label: gan.logits(image, label, training=False))
    found = np.full(len(images), -np.inf)
    for label in tried:
        for start in range(0, len(order), _BATCH):
            rows = np.resize(order[start : start + _BATCH], _BATCH)
            given = None if label is None else tf.constant(label[rows])
            logits = np.asarray(judge(tf.constant(images[rows]), given), np.float64)[:, 0]
            if len(logits) != _BATCH:  # one for each pack, which mixes images of both kinds
                logits = np.repeat(logits, _BATCH // len(logits))
            real = order[start : start + _BATCH]
            found[real] = np.maximum(found[real], logits[: len(real)])
    return found


def judged(
    scores: np.ndarray,
    case: Case,
    attack: str,
    delta: float = DELTA,
    people: np.ndarray | None = None,
    names: np.ndarray | None = None,
) -> Result:
    """The success of an attack at few false alarms, and the epsilon that it implies.

    Args:
        scores: of training images, then of as many held-out ones.
        attack: how it ranks images, for a report.
        people: who is on them, where people are counted in place of images.
        names: of the images.
    """
    half = len(scores) // 2
    member = np.arange(2 * half) < half
    found = exposure(scores, member, case.seed, people)
    rates = {f"{rate:g}": reach(scores[:half], scores[half:], rate) for rate in RATES}
    rates[f"{RATES[0]:g}"] = reach(scores[:half], scores[half:], RATES[0], least=0)
    first = rates[f"{RATES[0]:g}"]
    auc = auroc(scores[half:], scores[:half])
    bound = epsilon(scores[:half], scores[half:], delta, case.seed)
    more = {"auc": auc, "rates": rates, "epsilon": bound, "queries": half}
    more |= by_rank(scores, member, people, names)
    false = "1 % false alarms" if int(RATES[0] * half + 1e-9) else f"no false alarm among {half}"
    meaning = (
        f"{attack}: share of training images exposed at {false}; for comparison the share of "
        "held-out images"
    )
    unit = "images" if people is None else "people"
    more["statistic"] = (
        f"of the {found.top} most suspicious {unit}, {found.members} were trained on"
    )
    return Result(
        first["value"], first["low"], first["high"], first["holdout"], found.p, meaning, more=more
    )


def reach(
    members: np.ndarray, others: np.ndarray, rate: float, least: int = 1
) -> dict[str, float | None]:
    """Share of members above the score that `rate` of the others exceed, with its interval.

    No value where `rate` of the others is fewer than `least` images.
    """
    allowed = int(rate * len(others) + 1e-9)
    if allowed < least:
        return {"value": None, "low": None, "high": None, "holdout": None}
    edge = np.sort(others)[::-1][allowed]
    count, false = int((members > edge).sum()), int((others > edge).sum())
    _, low, high = clopper_pearson(count, len(members))
    return {
        "value": count / len(members), "low": low, "high": high, "holdout": false / len(others)
    }  # fmt: skip


def epsilon(members: np.ndarray, others: np.ndarray, delta: float, seed: int) -> float:
    """A lower bound on epsilon, with 95 % confidence: log((TPR_low - delta) / FPR_high).

    The threshold comes from one half of the images and the rates from the other; each rate has
    one side of an interval, which fails in 1 of 40, so that both hold together. The bound holds for
    this run if the training images were chosen at random.

    Source: Jagielski et al. 2020, arXiv:2006.07709, section 4.
    """
    rng = np.random.default_rng([seed, 15])
    m, o = members[rng.permutation(len(members))], others[rng.permutation(len(others))]
    cut = len(m) // 2
    if cut < 10:
        return 0.0
    best, edge = -math.inf, 0.0
    for k in np.unique(np.geomspace(1, max(1, cut // 4), 8).round().astype(int)):
        at = np.sort(o[:cut])[::-1][k]
        tpr = clopper_pearson(int((m[:cut] > at).sum()), cut).low
        fpr = clopper_pearson(int((o[:cut] > at).sum()), cut).high
        if tpr / fpr > best:
            best, edge = tpr / fpr, at
    low = clopper_pearson(int((m[cut:] > edge).sum()), len(m) - cut).low
    high = clopper_pearson(int((o[cut:] > edge).sum()), len(o) - cut).high
    return max(0.0, math.log((low - delta) / high)) if low > delta else 0.0


def of_sets(scores: np.ndarray, size: int, seed: int, people: np.ndarray | None = None) -> Result:
    """Can a *set* of training images be distinguished from a set of held-out images?

    Value: the share of pairs of sets of that size in which the training set has the higher mean
    over its more suspicious half; chance is 0.5.

    Source: Hilprecht et al. 2019, set membership inference.
    """
    half = len(scores) // 2
    size = max(1, min(size, half // 4))
    ranks = (scipy.stats.rankdata(scores) - 0.5) / len(scores)
    rng = np.random.default_rng([seed, 16])

    def strength(part: np.ndarray, sets: int) -> np.ndarray:
        drawn = part[np.argpartition(rng.random((sets, len(part))), size - 1)[:, :size]]
        return np.sort(drawn, axis=1)[:, size // 2 :].mean(axis=1)

    def right(mine: np.ndarray, theirs: np.ndarray, sets: int = _SETS) -> float:
        members, others = strength(mine, sets), strength(theirs, sets)
        return float(((members > others) + 0.5 * (members == others)).mean())

    who = np.arange(2 * half) if people is None else people
    sides = _sides(half)
    again = [
        right(
            _resampled(ranks[sides[0]], who[sides[0]], rng),
            _resampled(ranks[sides[1]], who[sides[1]], rng),
            _RESAMPLED_SETS,
        )
        for _ in range(_RESAMPLES)
    ]
    low, high = (float(x) for x in np.quantile(again, [0.025, 0.975]))
    value = right(ranks[:half], ranks[half:])
    strong = np.maximum(ranks, 0.5)
    means = [strong[:half], strong[half:]]
    if people is not None:
        means = [by_person(strong[s], people[s]) for s in sides]
    p = permuted(means[0], means[1], seed)
    meaning = f"how often a set of {size} training images is distinguished from held-out ones"
    statistic = "training images are more suspicious on average than held-out ones"
    more = {"statistic": statistic}
    return Result(value, min(low, value), max(high, value), 0.5, p, meaning, more=more)


def _sides(half: int) -> tuple[slice, slice]:
    return slice(half), slice(half, None)


def _resampled(values: np.ndarray, people: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The values of as many people, drawn with replacement (bootstrap)."""
    order = np.argsort(people, kind="stable")
    _, starts = np.unique(people[order], return_index=True)
    groups = np.split(values[order], starts[1:])
    drawn = [groups[i] for i in rng.integers(0, len(groups), len(groups))]
    return np.resize(np.concatenate(drawn), len(values))
