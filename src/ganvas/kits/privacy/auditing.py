"""The audit: every attack that applies, controls, power, and one decision over all of them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...base.files import disk_errors
from ...base.progress import reported, stage
from ...errors import RunError
from ...evaluation.samples import extractor_for
from ...stats.exact import holm, least_share, needed
from ...storage.job import recall, remember
from ...training.train import load_game
from . import controls, copying, identity, membership, reconstruction, remedies, search, utility
from .case import Case, gather
from .cautions import notes
from .embeddings import embedded
from .options import AuditOptions
from .phrases import percent
from .result import AuditReport, Controls, Power, Result, none

LEAK, SILENT, BOUNDED = "leak found", "no leak found at this power", "formally bounded"
MOST_EPSILON = 10  # above, a bound guarantees little (Ponomareva et al. 2023, arXiv:2303.00654)
SAMPLES_PER_QUERY = 10
MOST_QUERIES = 5000
SET = 100
_FEATURES = {"digits": 10_000}  # images of each kind, by the name of the features
_SLOW_FEATURES = 2000
_CONSTRAINED = 2  # images of each kind are reconstructed: one in so many of those searched
_EARLY = ("identity", "near_copies_features")  # first, because these may refuse a wrong file


@reported
def audit(
    subject: Any,
    train: Any = None,
    holdout: Any = None,
    *,
    out: str | os.PathLike[str] | None = None,
    progress: bool = False,
    **options: Any,
) -> AuditReport:
    """Attack a generator, or generated images, and report what the attacks found.

    Args:
        subject: a run, an exported model, a `Sampler`, or images (a folder, a file, an array).
        train: the training images; None: of a run, those that its recipe names.
        holdout: images of the same kind, of other people, that were not trained on; None: those
            that the run held out.
        out: folder for the report, and for the state with which an interrupted audit is resumed;
            default: the run's `privacy`; for other subjects nothing is written.
        progress: report progress on standard error.
        options: n (images drawn), alpha (probability of any false alarm, over all tests), seed,
            identity (CSV), embedder (a file, "general" or "none"; default: the bundled features if
            the people are known), features, searches (images of each kind to search for in latent
            space; 0: none), search_steps, model, purpose (of the processing, for the report).

    Raises: UsageError, DataError: images with which no audit is valid.
    """
    chosen = AuditOptions(**options)
    case = gather(subject, train, holdout, chosen.identity, chosen.n, chosen.seed, chosen.model)
    folder = Path(out) if out else case.run.folder / "privacy" if case.run else None
    if folder:
        with disk_errors(folder):
            (folder / "tests").mkdir(parents=True, exist_ok=True)
    return Audit(case, chosen, folder).result()


class Audit:
    """One audit; results of slow tests are kept in its folder and not computed twice."""

    def __init__(self, case: Case, options: AuditOptions, folder: Path | None):
        self.case, self.options, self.folder = case, options, folder
        self.seconds: dict[str, float] = {}

    def result(self) -> AuditReport:
        makers = self._tests()
        early = sorted(makers, key=lambda name: name not in _EARLY)
        done = {}
        with stage("auditing", len(makers) + 1, "tests") as auditing:
            for name in early:
                done[name] = self._once(name, makers[name])
                auditing.advance()
            tests = {name: done[name] for name in makers}
            controlled = Controls.of(self._once("controls", self._controls).more)
        decisive = {name: test.p for name, test in tests.items() if test.p is not None}
        adjusted = holm(decisive)
        found = sorted(name for name, p in adjusted.items() if p <= self.options.alpha)
        tests = {
            name: test.having(adjusted=adjusted[name], leak=name in found)
            if name in adjusted
            else test
            for name, test in tests.items()
        }
        bound = self.case.bound
        bounded = bound and bound["epsilon"] <= MOST_EPSILON
        verdict = LEAK if found else BOUNDED if bounded else SILENT
        return AuditReport(
            verdict=verdict,
            tests=tests,
            found=tuple(found),
            alpha=self.options.alpha,
            power=self._power(len(decisive), controlled),
            controls=controlled,
            bound=bound,
            notes=tuple(notes(self.case, controlled, bound, bool(found))),
            subject=self.case.name,
            n_fake=len(self.case.fakes),
            n_train=len(self.case.train),
            n_holdout=len(self.case.holdout),
            seconds=self.seconds,
            pictures=self._pictures(),
        )

    def _tests(self) -> dict[str, Callable[[], Result]]:
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
    def _pairs(self) -> copying.Pairs:
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
        return copying.judge(self._pairs, *sizes, case.seed, "pixels", case.people, case.places)

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
        return self._judged(scores, "by the distance to the nearest of all fakes")

    def _crowd(self) -> Result:
        return self._judged(self._crowd_scores, "by the number of fakes near it")

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
            scores, "by how well the fake nearest to its upper half fills in its lower half"
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
        kept = self._pairs.ratios > remedies.NEAR
        if self.options.embedder is None:
            return identity.by_default(self.case, kept)
        return identity.matched(self.case, self.options.embedder, kept)

    def _controls(self) -> Result:
        done = controls.run(self.case, self.options.alpha)
        return Result(None, why="controls", more=done.to_dict())

    def _power(self, decisive: int, controlled: Controls) -> Power:
        """Which leak this audit could detect."""
        members, others = self.case.units
        people = None if self.case.people is None else members
        count = needed(members, others, self.options.alpha / max(1, decisive))
        least = least_share(len(self.case.fakes), count, controlled.recovered, people=people)
        of = "images" if people is None else "people"
        meaning = (
            f"with {len(self.case.fakes):,} images a leak below {percent(least)} (noisy copies "
            "of training images among them) cannot be detected reliably"
        )
        if people is not None:
            meaning += f"; copies must show at least {count} of the {members} people"
        if count is None or least >= 1:
            meaning = (
                f"with {len(self.case.fakes):,} images against {members} {of} trained on and "
                f"{others} held out, no leak of noisy copies can be detected reliably"
            )
        return Power(count, least, 0.9, meaning)

    def _pictures(self) -> dict[str, np.ndarray]:
        """The 20 most suspicious pairs with training images, and with held-out ones."""
        from .audit_report import pair_grid

        return pair_grid(self.case, self._pairs)

    def _once(self, name: str, make: Callable[[], Result]) -> Result:
        """Compute, or read what an earlier call with the same images wrote."""
        path = self.folder / "tests" / f"{name}.json" if self.folder else None
        if path and (kept := recall(path, self._key)):
            self.seconds[name] = kept["seconds"]
            return Result.of(kept["result"])
        began = time.perf_counter()
        with stage(f"testing {name}"):
            done = make()
        self.seconds[name] = round(time.perf_counter() - began, 2)
        if path:
            remember(path, self._key, seconds=self.seconds[name], result=done.to_dict())
        return done

    @cached_property
    def _key(self) -> str:
        """Hash of everything that a test depends on."""
        known = replace(self.options, purpose="")
        digest = hashlib.sha256(repr((__version__, asdict(known), self.case.bound)).encode())
        for file in (self.options.embedder, self.options.features):
            if file is not None and Path(file).is_file():
                digest.update(Path(file).read_bytes())
        for part in (self.case.train, self.case.holdout):
            digest.update(part.small.tobytes())
            digest.update(b"" if part.people is None else "\n".join(part.people).encode())
            digest.update(b"" if part.labels is None else part.labels.tobytes())
        digest.update(self.case.fakes.tobytes())
        return digest.hexdigest()
