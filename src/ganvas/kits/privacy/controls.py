"""Controls: does this audit, on these images, detect a planted leak, and raise no false alarm?

Held-out images take the place of generated ones. Unchanged, they leak nothing; with noisy copies of
training images among them, they leak. Then half of the training images (of the people, where they
are known) is tested against the other half: that leaks nothing, unless training part and holdout
are not alike.
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
    """All controls, with half of the held-out images in the place of generated ones."""
    both, cut = case.people, len(case.train)
    held = np.arange(len(case.holdout)) if both is None else both[cut:]
    names = np.random.default_rng([case.seed, 41]).permutation(np.unique(held))
    first = np.flatnonzero(np.isin(held, names[: len(names) // 2]))[:MOST]
    rest = ~np.isin(held, names[: len(names) // 2])
    clean, others = case.holdout.small[first], case.holdout.small[rest]
    people = None if both is None else np.concatenate([both[:cut], held[rest]])
    count = len(clean)
    train = case.train.small
    rng = np.random.Generator(np.random.Philox([case.seed, 42]))
    share = planted_share(count, len(train), len(others), alpha)
    number = max(1, round(share * count))
    rows = rng.permutation(len(train))[:number]
    number = len(rows)
    leaky = np.concatenate([noisy(train[rows], rng), clean[number:]])
    pool = np.concatenate([train, others])
    nearest = copying.in_pixels(leaky, pool).rows[:number]
    return Controls(
        planted=number / count,
        found=_flagged(leaky, train, others, alpha, case.seed, people),
        false_alarm=_flagged(clean, train, others, alpha, case.seed, people),
        unlike=_unlike(case, alpha),
        recovered=float((nearest == rows).mean()),
        shared=int((copying.in_pixels(clean, train).ratios <= NEAR).sum()),
        images=count,
    )


def _unlike(case: Case, alpha: float) -> bool:
    """Whether training images, which copy nothing, are flagged as copies."""
    cut, both = len(case.train), case.people
    people = np.arange(cut) if both is None else both[:cut]
    names = np.random.default_rng([case.seed, 44]).permutation(np.unique(people))
    first = np.isin(people, names[: len(names) // 2])
    fakes, train = case.train.small[first][:MOST], case.train.small[~first]
    left = None if both is None else np.concatenate([people[~first], both[cut:]])
    return _flagged(fakes, train, case.holdout.small, alpha, case.seed, left)


def planted_share(count: int, members: int, others: int, alpha: float) -> float:
    """Twice the share that can be detected: the positive control should not fail by chance."""
    return min(1.0, 2 * least_share(count, needed(members, others, alpha / 3)))


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
