"""Scores of the averaged generator on held-out images during training: the best model is kept, and
a run that does not improve can stop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from ...base.keras_files import read_keras
from ...base.progress import stage
from ...config import Scores as ScoreOptions
from ...config.plan import Plan
from ...config.sections import DRAWN, REAL
from ...data import Images
from ...doctor import since_fix
from ...errors import ModelError
from ...evaluation.reference import CopyCheck, Reference
from ...evaluation.samples import describe_source
from ...sampling.sampler import Sampler
from ...storage.run import Run
from ..converting import write_litert
from .base import EachTick

SEED = 1
"""Seed of the noise: different from that of the grids, and the same at every scoring."""


def rank(row: Mapping[str, Any], by: str, allowed: float, prefix: str = "") -> tuple[float, float]:
    """The order of models, lower is better: those that copy training images come last, those that
    copy more after those that copy less; then by score.

    Args:
        row: a line of the log or best.json; `prefix`: of the keys of its scores.
        allowed: largest share of near-copies that counts as none.
    """
    if f"{prefix}{by}" not in row:
        return math.inf, math.inf
    return max(0.0, row.get(f"{prefix}near_copies", 0.0) - allowed), row[f"{prefix}{by}"]


class Scores(EachTick):
    """Called before the log, so that scores are in the tick's line; writes best.json.

    If too few images are held out, models are compared with the training images. A generator that
    copies them would then be the best: the share of near-copies decides first, see `rank`.

    The last scoring may draw more images than the others; then the best model so far is scored
    again with as many, and the better of the two is kept.

    Its decisions depend only on the log, best.json and the weights, so they are the same in a run
    that is killed and resumed, also if it was killed after best.json and before the line.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        sampler: Sampler,
        source: Images,
        options: ScoreOptions,
    ) -> None:
        super().__init__(run, plan)
        self.sampler = sampler
        self.source = source
        self.options = options = options.filled
        self.count, self.last_count = options.images or DRAWN, options.last_images or DRAWN
        self.frechet = False
        self.stopped = False
        self.reference: Reference | None = None
        self.check: CopyCheck | None = None
        self.about: dict[str, Any] = {}

    def tick(self, step: int, logs: dict[str, float]) -> dict[str, float] | None:
        if not self.plan.score_due(step):
            return None
        with stage("scoring"):
            return self.score(step)

    def score(self, step: int) -> dict[str, float]:
        began = time.perf_counter()
        if self.reference is None:
            self.reference = self.prepare()
        by, allowed = self.about["by"], self.check.allowed if self.check else 1.0
        full = step >= self.plan.total
        count = self.last_count if full else self.count
        scores = self.scores_of(self.reference, self.sampler, count)
        rows = [row for row in since_fix(self.run.rows()) if f"score/{by}" in row]
        past = [rank(row, by, allowed, "score/") for row in rows]
        best = self.run.best
        if full and count != self.count:
            past = []  # of fewer images
            if best and best.get("step") != step and best.get("images") != count:
                best = self.again(self.reference, best, count)
        if best.get("step") == step or rank(scores, by, allowed) < min(
            [*past, rank(best, by, allowed)]
        ):
            self.keep(step, scores, count)
        elif self.options.patience and past:
            since = len(past) - past.index(min(past))
            self.stopped = since >= self.options.patience
            if self.stopped:
                self.model.stop_training = True
        scores = {f"score/{name}": score for name, score in scores.items()}
        return {**scores, "score/seconds": time.perf_counter() - began}

    def scores_of(self, reference: Reference, sampler: Sampler, count: int) -> dict[str, float]:
        """The scores of so many images of a generator."""
        fakes = sampler.sample(count, seed=SEED)
        scores = reference.distances(reference.extractor(fakes)[0], self.frechet)
        if self.check:
            scores["near_copies"] = self.check.share(fakes)
        return scores

    def again(self, reference: Reference, best: dict[str, Any], count: int) -> dict[str, Any]:
        """best.json of the same model, scored with more images; empty if its file is gone."""
        try:
            generator = read_keras(self.run.folder / "models" / best["model"])
        except ModelError:
            return {}
        sampler = Sampler(generator, self.source.names, self.source.class_shares)
        best = {**best, **self.about, **self.scores_of(reference, sampler, count)}
        best["images"] = count
        self.run.declare_best(best)
        return best

    def prepare(self) -> Reference:
        """The reference images; sets `about`, the part of best.json that does not change."""
        options, source = self.options, self.source
        against = Reference(source, options.features, options.real or REAL)
        enough = against.enough_for_frechet(min(self.count, self.last_count))
        auto = "frechet" if enough else "kid"
        by = auto if options.by == "auto" else options.by
        self.frechet = "frechet" in (auto, by)  # otherwise it would only say how few images it has
        floor = None
        if against.images is source:
            self.check = CopyCheck(source)
        else:
            count = min(self.last_count, source.count)
            other = describe_source(source, against.extractor, count)
            floor = against.distances(other.features, self.frechet)
        self.about = {
            "by": by,
            "n_real": len(against.real),
            "against": against.name,
            "selection": self.selection(by, against.name),
            "copies_allowed": self.check.allowed if self.check else None,
            "features": against.extractor.name,
            "features_sha256": against.extractor.sha256,
            "floor": floor,
        }
        return against

    def selection(self, by: str, against: str) -> str:
        """How the best model is selected, in words."""
        if self.check is None:
            return f"by {by} on {against}"
        return (
            f"by {by} on {against}, because too few are held out; models with more than "
            f"{self.check.allowed:.1%} near-copies of them come last"
        )

    def keep(self, step: int, scores: dict[str, float], count: int) -> None:
        """Save this generator as the best so far."""
        kimg = self.plan.kimg(step)
        path = self.run.save_model(round(kimg), self.sampler.generator, best=True)
        about = {"model": path.name, "step": step, "kimg": round(kimg, 3), "images": count}
        self.run.declare_best({**about, **scores, **self.about})
        write_litert(self.run, path, self.sampler)
