"""Controls: does this audit, on these images, detect a planted leak, and raise no false alarm?

Positive: blends of a training image and a held-out one take the place of generated ones. They
favour neither part. With noisy copies of training images among them, they leak. All people of both
parts take part, so that few people suffice. Negative: half of the held-out images (of the people,
where they are known) takes that place, and then half of the training images, each tested against
the rest: they leak nothing, unless training part and holdout are not alike.
"""

from __future__ import annotations

import numpy as np

from ...evaluation.copies import NEAR
from ...stats.exact import exposure, holm, least_share, needed
from . import copying, membership
from .case import Case
from .result import Controls

NOISE = 8.0  # grey levels, one standard deviation
MOST = 2000


def run(case: Case, alpha: float) -> Controls:
    """All controls."""
    both, cut = case.people, len(case.train)
    held = np.arange(len(case.holdout)) if both is None else both[cut:]
    names = np.random.default_rng([case.seed, 41]).permutation(np.unique(held))
    first = np.flatnonzero(np.isin(held, names[: len(names) // 2]))[:MOST]
    rest = ~np.isin(held, names[: len(names) // 2])
    clean, others = case.holdout.small[first], case.holdout.small[rest]
    people = None if both is None else np.concatenate([both[:cut], held[rest]])
    train = case.train.small
    planted, number, enough, found, recovered = _planted(case, alpha)
    return Controls(
        planted=number / planted,
        found=found,
        false_alarm=_flagged(clean, train, others, alpha, case.seed, people),
        unlike=_unlike(case, alpha),
        recovered=recovered,
        shared=int((copying.in_pixels(clean, train).ratios <= NEAR).sum()),
        images=planted,
        enough=enough,
        shared_of=len(clean),
    )


def _planted(case: Case, alpha: float) -> tuple[int, int, bool, bool, float]:
    """The positive control: images, copies among them, whether any number of copies is enough,
    whether they were flagged, and the share that was matched with its original."""
    train, holdout, people = case.train.small, case.holdout.small, case.people
    rng = np.random.Generator(np.random.Philox([case.seed, 42]))
    count = min(len(case.fakes), MOST)
    number, enough = planted_number(case, count, alpha)
    rows = np.resize(rng.permutation(len(train)), number)
    copies = noisy(train[rows], rng)
    leaky = np.concatenate([copies, blends(train, holdout, count - number, rng)])
    nearest = copying.in_pixels(copies, np.concatenate([train, holdout])).rows
    recovered = float((nearest == rows).mean())
    found = _flagged(leaky, train, holdout, alpha, case.seed, people)
    return count, number, enough, found, recovered


def planted_number(case: Case, count: int, alpha: float) -> tuple[int, bool]:
    """Twice the number that can be detected among `count` images: the control should not fail by
    chance. And whether any number can be."""
    members, others = case.units
    least = needed(members, others, alpha / 3)
    share = least_share(count, least, people=None if case.people is None else members)
    return min(count, max(1, round(2 * share * count))), least is not None


def blends(
    train: np.ndarray, holdout: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """uint8 [count, h, w, C], each the mean of a random training image and a held-out one."""
    one, other = (part[rng.integers(0, len(part), count)] for part in (train, holdout))
    return ((one.astype(np.uint16) + other + 1) // 2).astype(np.uint8)


def _unlike(case: Case, alpha: float) -> bool:
    """Whether training images, which copy nothing, are flagged as copies."""
    cut, both = len(case.train), case.people
    people = np.arange(cut) if both is None else both[:cut]
    names = np.random.default_rng([case.seed, 44]).permutation(np.unique(people))
    first = np.isin(people, names[: len(names) // 2])
    fakes, train = case.train.small[first][:MOST], case.train.small[~first]
    left = None if both is None else np.concatenate([people[~first], both[cut:]])
    return _flagged(fakes, train, case.holdout.small, alpha, case.seed, left)


def noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 copies with Gaussian noise of 8 grey levels."""
    noise = rng.normal(0, NOISE, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def _flagged(
    fakes: np.ndarray,
    train: np.ndarray,
    others: np.ndarray,
    alpha: float,
    seed: int,
    people: np.ndarray | None = None,
) -> bool:
    """Whether any of three black-box tests finds a leak."""
    pool = np.concatenate([train, others])
    pairs = copying.in_pixels(fakes, pool)
    found = copying.judge(pairs, len(train), len(others), seed, "pixels", people)
    p = {"near_copies": found.p or 1.0}
    half = min(len(train), len(others), MOST)
    some = np.random.default_rng([seed, 43]).permutation(len(train))[:half]
    queries = np.concatenate([train[some], others[:half]])
    member = np.arange(2 * half) < half
    if people is not None:
        people = people[np.concatenate([some, len(train) + np.arange(half)])]
    p["nearest"] = exposure(membership.by_nearest(queries, fakes), member, seed, people).p
    p["crowd"] = exposure(membership.by_crowd(queries, fakes), member, seed, people).p
    return min(holm(p).values()) <= alpha
