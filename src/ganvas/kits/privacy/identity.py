"""Identity: are the fakes more similar to training people than to held-out people?

An embedder turns faces into vectors; two of one person lie close. At the threshold one pair in a
thousand of *different* real people would match. The share of fakes that match a training person is
no evidence alone, because other people match too: it is compared with the share that match as many
held-out people. The people, not the photographs, are assigned at random.

Source: Tinsley et al. 2021, arXiv:2012.05084 (leakage by matchers); Webster et al. 2021,
    arXiv:2107.06018 (the same person on other photographs).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy  # its parts are imported when they are first used

from ...errors import DataError
from ...features.extractors import extractor
from ...stats.exact import permuted
from ...stats.intervals import clopper_pearson
from .case import Case
from .embeddings import embedded
from .people import FEWEST, refuse_shared
from .result import Result, none
from .risk import MOST_NAMED, by_rank, risk

FMR = 1e-3
DEFAULT = "general"  # the bundled features
MOST = 2000  # photographs of a part, and fakes, that are embedded
_PAIRS = 4_000_000
_DRAWS = 50


def by_default(case: Case, kept: np.ndarray | None = None) -> Result:
    """As `matched`, by the bundled features: they see less of an identity than an embedder of
    faces, and need no file."""
    sides = case.train.people, case.holdout.people
    if sides[0] is None or sides[1] is None or set(sides[0]) & set(sides[1]):
        return none(
            "the people on the images are not known: give --identity FILE.csv (path,identity), or "
            "sort the images into a folder per person"
        )
    few = min(len(set(side)) for side in sides if side is not None)
    if few < FEWEST:
        return none(f"each part must have at least {FEWEST} people, got {few}")
    return matched(case, DEFAULT, kept)


def matched(case: Case, embedder: Any, kept: np.ndarray | None = None) -> Result:
    """Share of the fakes that match a training person at a false match rate of 0.001.

    Args:
        embedder: a Keras or LiteRT file, or a name: images -> vectors, see `evaluation.features`.
        kept: which fakes would be left by a remedy, bool [N]: their share is given as well.

    Raises: DataError: no identities, a person in both parts, or too few people; UsageError: the
        file is no embedder.
    """
    train, holdout = case.train.people, case.holdout.people
    if train is None or holdout is None:
        raise DataError(
            "an embedder is given without the identities of the images: give --identity FILE.csv "
            "(path,identity), or sort the images into a folder per person"
        )
    refuse_shared(train, holdout)
    few = min(len(set(train)), len(set(holdout)))
    if few < FEWEST:
        raise DataError(
            f"each part must have at least {FEWEST} people, got {few}: give images of more people"
        )
    embed = extractor(embedder, case.fakes.shape[1:])
    sides = []
    for part, people in ((case.train, train), (case.holdout, holdout)):
        rows = np.random.default_rng([case.seed, 21]).permutation(len(part))[:MOST]
        sides.append((_unit(embedded(embed, part.pixels(rows))), people[rows]))
    fakes = _unit(embedded(embed, case.fakes[:MOST]))
    edge, pairs = threshold(*sides, seed=case.seed)
    hits = [_hits(fakes, vectors, people, edge) for vectors, people in sides]
    names = np.unique(sides[0][1])
    each = hits[0].sum(axis=0)
    order = np.argsort(-each, kind="stable")[:MOST_NAMED]
    left = {} if kept is None else {"without_near_copies": _left(hits[0], kept[:MOST])}
    rates = np.concatenate([hit.mean(axis=0) for hit in hits])
    member = np.arange(len(rates)) < len(names)
    exposed = by_rank(rates, member, None, np.concatenate([names, np.unique(sides[1][1])]))
    return _judged(hits, case.seed).having(
        exposed=exposed["exposed"], threshold=float(edge), impostor_pairs=pairs, fmr=FMR,
        embedder=embed.name, embedder_sha256=embed.sha256,
        matches={str(names[i]): int(each[i]) for i in order}, **left
    )  # fmt: skip


def _left(hits: np.ndarray, kept: np.ndarray) -> float | None:
    """The share of the remaining fakes that match a training person."""
    return float(hits[kept].any(axis=1).mean()) if kept.any() else None


def _judged(hits: list[np.ndarray], seed: int) -> Result:
    """From matches, bool [fakes, people], with training people and with held-out people."""
    count = min(hit.shape[1] for hit in hits)
    fakes = len(hits[0])
    if not fakes:
        return none("there are no fakes to embed")
    shares = [_any(hit, count, seed) for hit in hits]
    # By rank: one person who resembles many others counts as one.
    ranks = scipy.stats.rankdata(np.concatenate([hit.mean(axis=0) for hit in hits]))
    cut = hits[0].shape[1]
    p = permuted(ranks[:cut], ranks[cut:], seed)
    _, low, high = clopper_pearson(round(shares[0] * fakes), fakes)
    meaning = (
        f"share of the generated images that match one of {count} training people at a "
        f"false match rate of {FMR:g}; for comparison one of {count} held-out people"
    )
    found = [round(share * fakes) for share in shares]
    more = {"risk": risk(found[0], fakes, found[1], fakes, "generated images"), "people": count}
    more["statistic"] = (
        "generated images match training people more often on average than held-out people"
    )
    return Result(shares[0], low, high, shares[1], p, meaning, more=more)


def threshold(*sides: tuple[np.ndarray, np.ndarray], seed: int) -> tuple[float, int]:
    """The similarity that one in a thousand pairs of different people reaches, and the number of
    pairs.

    Pairs are formed within each part and across, whichever was trained on.
    """
    vectors = np.concatenate([side[0] for side in sides])
    people = np.concatenate([side[1] for side in sides])
    rng = np.random.default_rng([seed, 22])
    i, j = np.triu_indices(len(vectors), 1) if len(vectors) < 2800 else (
        rng.integers(0, len(vectors), _PAIRS), rng.integers(0, len(vectors), _PAIRS)
    )  # fmt: skip
    different = people[i] != people[j]
    i, j = i[different], j[different]
    alike = np.concatenate(
        [(vectors[i[k : k + 20_000]] * vectors[j[k : k + 20_000]]).sum(1)
         for k in range(0, len(i), 20_000)]
    )  # fmt: skip
    return float(np.quantile(alike, 1 - FMR)), len(alike)


def _hits(fakes: np.ndarray, vectors: np.ndarray, people: np.ndarray, edge: float) -> np.ndarray:
    names, number = np.unique(people, return_inverse=True)
    alike = fakes @ vectors.T > edge
    hits = np.zeros((len(fakes), len(names)), bool)
    for person in range(len(names)):
        hits[:, person] = alike[:, number == person].any(axis=1)
    return hits


def _any(hits: np.ndarray, count: int, seed: int) -> float:
    """Share of fakes that match one of `count` people, the mean over random choices of them."""
    if hits.shape[1] == count:
        return float(hits.any(axis=1).mean())
    rng = np.random.default_rng([seed, 23])
    draws = [rng.permutation(hits.shape[1])[:count] for _ in range(_DRAWS)]
    return float(np.mean([hits[:, some].any(axis=1).mean() for some in draws]))


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
