"""Scores of the averaged generator on held-out images, while it learns: the best model is kept,
and a run that gets no better can stop."""

from __future__ import annotations

import math
import time

from ...config import Scores as Options
from ...config.plan import Plan
from ...data import Images
from ...doctor import since_cure
from ...evaluation.frechet import PER_DIMENSION, Moments, frechet_distance
from ...evaluation.kernel import mmd2
from ...evaluation.samples import describe_source, extractor_for
from ...sampling.sampler import Sampler
from ...storage.run import Run
from .base import EachTick

SEED = 1
"""Of the noise: not that of the grids, and the same at every scoring."""
MOST = 2000
"""Real images at most, to compare with."""
FEWEST = 50
"""Held-out images; where there are fewer, training images take their place."""


class Scores(EachTick):
    """Comes before the log, so that its numbers are in the tick's line; writes best.json.

    What it decides depends on the log, best.json and the weights alone, so a run that was killed
    decides the same when it goes on.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        sampler: Sampler,
        source: Images,
        options: Options,
    ):
        super().__init__(run, plan)
        self.sampler = sampler
        self.source = source
        self.options = options
        self.stopped = False
        self.judge: Judge | None = None

    def tick(self, step, logs):
        if not self.plan.score_due(step):
            return None
        began = time.perf_counter()
        if self.judge is None:
            self.judge = Judge(self.source, self.options)
        scores = self.judge.scores(self.sampler.sample(self.options.images, seed=SEED))
        key = f"score/{self.judge.by}"
        past = [row[key] for row in since_cure(self.run.rows()) if key in row]
        value = scores[self.judge.by]
        if value < min([*past, self.run.best.get(self.judge.by, math.inf)]):
            self.keep(step, scores, self.judge)
        elif self.options.patience and past:
            since = len(past) - past.index(min(past))
            self.stopped = since >= self.options.patience
            self.model.stop_training |= self.stopped
        scores = {f"score/{name}": score for name, score in scores.items()}
        return {**scores, "score/seconds": time.perf_counter() - began}

    def keep(self, step: int, scores: dict[str, float], judge: Judge) -> None:
        """This generator is the best so far."""
        kimg = self.plan.kimg(step)
        path = self.run.save_model(round(kimg), self.sampler.generator, best=True)
        about = {"model": path.name, "step": step, "kimg": round(kimg, 3)}
        self.run.declare_best({**about, **scores, **judge.about})


def reference(source: Images) -> tuple[Images, str]:
    """The images that generators are scored against, and what they are called: those held out, or
    those learnt from where fewer than FEWEST are held out."""
    held = source.held_out()
    if held is None or held.count < FEWEST:
        return source, "training images"
    return held, "held-out images"


class Judge:
    """The images to be scored against, in the features that suit them."""

    def __init__(self, source: Images, options: Options):
        self.extractor = extractor_for(source, options.features)
        against, word = reference(source)
        real = describe_source(against, self.extractor, MOST).features
        count = min(options.images, source.count)
        other = describe_source(source, self.extractor, count).features
        needed = PER_DIMENSION * self.extractor.width
        auto = "frechet" if min(len(real), options.images) >= needed else "kid"
        self.by = auto if options.by == "auto" else options.by
        self.real, self.moments = real, Moments.of(real)
        self.about = {
            "by": self.by, "images": options.images, "n_real": len(real),
            "against": word,
            "features": self.extractor.name, "features_sha256": self.extractor.sha256,
            "floor": None if against is source else self.compare(other),
        }  # fmt: skip

    def scores(self, images) -> dict[str, float]:
        """Frechet distance and KID of uint8 [N, H, W, C]."""
        return self.compare(self.extractor(images)[0])

    def compare(self, features) -> dict[str, float]:
        return {
            "frechet": frechet_distance(Moments.of(features), self.moments),
            "kid": mmd2(features, self.real),
        }
