"""The attacks of an audit: which apply to its subject, with which images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ...errors import RunError
from ...evaluation.samples import extractor_for
from ...training.train import load_game
from . import copying, identity, membership, reconstruction, remedies, search, utility
from .case import Case
from .embeddings import embedded
from .options import AuditOptions
from .result import Result, none

SAMPLES_PER_QUERY = 10
MOST_QUERIES = 5000
SET = 100
_FEATURES = {"digits": 10_000}  # images of each kind, by the name of the features
_SLOW_FEATURES = 2000
_CONSTRAINED = 2  # images of each kind are reconstructed: one in so many of those searched


class Attacks:
    """All tests of one audit; what several of them need is computed once."""

    def __init__(self, case: Case, options: AuditOptions):
        self.case, self.options = case, options

    def makers(self) -> dict[str, Callable[[], Result]]:
        """Name of a test -> the function that runs it."""
        return {
            "near_copies_pixels": self._copies,
            "near_copies_recoloured": self._recoloured,
            "near_copies_features": self._feature_copies,
            "membership_nearest": self._nearest,
            "membership_crowd": self._crowd,
            "membership_discriminator": self._discriminator,
            "membership_search": self._search,
            "set_membership": self._sets,
            "identity": self._identity,
            "label_inference": lambda: utility.inferred(self.case, self._queries),
            "reconstruction_nearest": self._reconstructed,
            "reconstruction_search": self._masked,
            "inversion_search": self._inverted,
            "utility": lambda: utility.of_labels(self.case),
        }

    @cached_property
    def _pool(self) -> np.ndarray:
        return np.concatenate([self.case.train.small, self.case.holdout.small])

    @cached_property
    def pairs(self) -> copying.Pairs:
        """The nearest real image of each fake."""
        return copying.in_pixels(self.case.small, self._pool)

    @cached_property
    def _queries(self) -> membership.Queries:
        """The tested real images; a generator draws ten samples for each of them."""
        drawn = len(self.case.fakes) // SAMPLES_PER_QUERY
        most = max(drawn, 100) if self.case.sampler else MOST_QUERIES
        return membership.draw_queries(self.case, min(most, MOST_QUERIES))

    @cached_property
    def _crowd_scores(self) -> np.ndarray:
        return membership.by_crowd(self._queries.small, self.case.small)

    def _copies(self) -> Result:
        sizes = len(self.case.train), len(self.case.holdout)
        case = self.case
        return copying.judge(self.pairs, *sizes, case.seed, "pixels", case.people, case.places)

    def _recoloured(self) -> Result:
        case = self.case
        pairs = copying.in_tones(case.small, self._pool)
        where = "ranks of grey levels, whatever its gamma or contrast"
        sizes = len(case.train), len(case.holdout)
        return copying.judge(pairs, *sizes, case.seed, where, case.people, case.places)

    def _feature_copies(self) -> Result:
        if self.options.features == "none":
            return none("features are switched off")
        case = self.case
        embed = extractor_for(case.train.source, self.options.features)
        most = _FEATURES.get(embed.name, _SLOW_FEATURES)
        some = [
            np.random.default_rng([case.seed, 51 + i]).permutation(copying.different(part.small))
            for i, part in enumerate((case.train, case.holdout))
        ]
        some = [rows[:most] for rows in some]
        pool = np.concatenate([case.train.pixels(some[0]), case.holdout.pixels(some[1])])
        pairs = copying.in_features(embedded(embed, case.fakes[:most]), embedded(embed, pool))
        where = f"features ({embed.name}, of {len(some[0]):,} training images)"
        both = np.concatenate([some[0], len(case.train) + some[1]])
        people = None if case.people is None else case.people[both]
        sizes = len(some[0]), len(some[1])
        return copying.judge(pairs, *sizes, case.seed, where, people, case.places[both])

    def _judged(
        self, scores: np.ndarray, attack: str, queries: membership.Queries | None = None
    ) -> Result:
        delta = (self.case.bound or {}).get("delta", membership.DELTA)
        asked = queries or self._queries
        return membership.judged(scores, self.case, attack, delta, asked.people, asked.names)

    def _nearest(self) -> Result:
        scores = membership.by_nearest(self._queries.small, self.case.small)
        return self._judged(scores, "by the distance to the nearest of all generated images")

    def _crowd(self) -> Result:
        return self._judged(self._crowd_scores, "by the number of generated images near it")

    def _sets(self) -> Result:
        people = self._queries.people
        return membership.of_sets(self._crowd_scores, SET, self.case.seed, people)

    def _discriminator(self) -> Result:
        run = self.case.run
        if run is None:
            return none("images and exported models have no discriminator")
        try:
            gan = load_game(run)
        except RunError as error:
            return none(f"the discriminator of the run cannot be read ({error})")
        about, labels = run.images, None
        train, holdout = self.case.train.labels, self.case.holdout.labels
        if self.case.names == tuple(about["names"]) and train is not None and holdout is not None:
            labels = np.concatenate(
                [train[self._queries.train], holdout[self._queries.holdout]]
            ).astype(np.int32)
        images, classes = self._queries.pixels(self.case), len(about["class_shares"])
        scores = membership.by_discriminator(gan, images, labels, classes, self.case.seed)
        return self._judged(scores, "by the discriminator's logit")

    def _search(self) -> Result:
        return self._searched(
            search.by_search, "the distance that a search in latent space reaches"
        )

    def _reconstructed(self) -> Result:
        scores = reconstruction.from_fakes(self.case, self._queries.small)
        return self._judged(
            scores,
            "by how well the generated image nearest to its upper half fills in its lower half",
        )

    def _masked(self) -> Result:
        attack = "how well a search in latent space fills in its lower half"
        return self._searched(reconstruction.masked, attack, _CONSTRAINED)

    def _inverted(self) -> Result:
        attack = "how well a search in latent space restores it from a blurred copy"
        return self._searched(reconstruction.blurred, attack, _CONSTRAINED)

    def _searched(self, attack: Callable[..., np.ndarray], by: str, one_in: int = 1) -> Result:
        """An attack by gradients through the generator."""
        if self.case.noise is None or self.case.run is None:
            return none("the search needs a run, whose generator has gradients")
        if not self.options.searches:
            return none("searches = 0")
        queries = membership.draw_queries(self.case, -(-self.options.searches // one_in))
        images = queries.pixels(self.case)
        scores = attack(self.case, queries.small, images, self.options.search_steps)
        return self._judged(scores, f"by {by}", queries)

    def _identity(self) -> Result:
        if str(self.options.embedder) == "none":
            return none("the embedder is switched off")
        if self.options.embedder is None and self.options.features == "none":
            return none("no embedder of faces was given, and features are switched off")
        kept = self.pairs.ratios > remedies.NEAR
        if self.options.embedder is None:
            return identity.by_default(self.case, kept)
        return identity.matched(self.case, self.options.embedder, kept)
