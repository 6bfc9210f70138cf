"""The first steps of a run are timed, and what is left open in its recipe is fitted to them.

Afterwards the GAN is as it was, or built anew: a run of the fitted recipe is the same to the bit,
whether it was timed or not.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

from ..base.progress import current, stage
from ..base.workers import task
from ..config import Config
from ..data import Images
from ..evaluation.kernel import mmd2
from ..evaluation.reference import CopyCheck, reference_images
from ..evaluation.samples import extractor_for
from ..sampling.sampler import Sampler
from . import replicas
from .assembly import stream
from .budget import Case, Speed, fit
from .callbacks import restore, state_of
from .session import Session

SECONDS = 3.0
"""Duration of the timed steps."""
MOST = 0.05
"""Largest share of the run's steps that is timed."""
FAKES = (64, 192)
"""Two numbers of images, the scoring of which is timed."""


class Since:
    """When a training was asked for: when its command began, or else its function was called."""

    def __init__(self) -> None:
        reporter = current()
        self.began = reporter.began if reporter else time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


@dataclass(frozen=True)
class Timed:
    """A session whose recipe was fitted.

    Attributes:
        seconds: expected, from the command's beginning to its end.
        scoring: seconds of all scorings, within them.
        anew: the GAN was built anew.
    """

    seconds: float
    scoring: float
    anew: bool

    def sentence(self, config: Config) -> str:
        """For the header."""
        share = f", {self.scoring / self.seconds:.0%} of them for scoring" * (self.scoring > 0)
        length = f" for {config.train.kimg:g} kimg"
        return f"about {duration(self.seconds)}{length}{share}, by the speed of the first steps"


def duration(seconds: float) -> str:
    """Such as 40 seconds, 7 minutes, 2.5 hours."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def is_open(config: Config) -> bool:
    """Whether a recipe leaves something to the speed of the first steps."""
    scores = config.scores
    if config.privacy.on or task()[1] > 1:  # workers would measure different speeds
        return False
    unset = scores.times != 0 and None in (scores.times, scores.images)
    return config.train.minutes is not None or unset


def fit_to_time(session: Session, since: Since) -> Timed | None:
    """Time the first steps and a scoring, and fit the session's recipe to them. If its length
    changes, the GAN is built anew, and does not begin from other networks yet.

    Returns: None: nothing was open.
    """
    config, gan = session.config, session.gan
    if not is_open(config):
        return None
    before = state_of(gan)
    with stage("timing the first steps"):
        compiling, step = _steps(session)
    with session.strategy.scope():
        restore(gan, before)
    speed = Speed(step)
    if config.scores.times != 0:
        with stage("timing a scoring"):
            speed = Speed(step, *_scoring(session))
    case = case_of(config, session.source, gan.adversarial.reads_real)
    minutes = config.train.minutes
    found = fit(case, speed, 0.0 if minutes is None else 60 * minutes - since.seconds - compiling)
    if minutes is None:
        session.config, session.plan = found.config, case.plan(found.config)
    else:
        session.assemble(found.config)
    rest = found.seconds + (0.0 if minutes is None else compiling)
    return Timed(since.seconds + rest, found.scoring, minutes is not None)


def case_of(config: Config, source: Images, reads_real: bool) -> Case:
    """What is fitted."""
    reference, _ = reference_images(source)
    return Case(config, reads_real, reference.count, reference is not source)


def _steps(session: Session) -> tuple[float, float]:
    """Seconds of compiling, and of a step."""
    gan, plan = session.gan, session.plan
    read = functools.partial(stream, session.config, plan, session.source, 0)
    images = replicas.shared(gan.distribute_strategy, read, plan.batch, plan.turns)
    most = max(1, int(MOST * plan.total / plan.execution))
    took: list[float] = []
    with session.source.reading():
        while len(took) < 2 or (sum(took[1:]) < SECONDS and len(took) <= most):
            began = time.perf_counter()
            gan.fit(images, epochs=1, steps_per_epoch=plan.execution, shuffle=False, verbose=0)
            took.append(time.perf_counter() - began)
    step = sum(took[1:]) / len(took[1:]) / plan.execution
    return max(0.0, took[0] - step * plan.execution), step


def _scoring(session: Session) -> tuple[float, float, float]:
    """Seconds of a scoring by itself, of each fake in it, and of the features of a real image."""
    source, options = session.source, session.config.scores
    reference, _ = reference_images(source)
    extract = extractor_for(source, options.features)
    rows = reference.rows[: FAKES[1]]
    extract(reference.pixels(rows[:1]))  # the first call compiles
    began = time.perf_counter()
    features, _ = extract(reference.pixels(rows))
    real = (time.perf_counter() - began) / len(rows)
    sampler = Sampler(session.gan.ema_generator, source.names, source.class_shares)
    check = CopyCheck(source) if reference is source else None

    def score(count: int) -> float:
        began = time.perf_counter()
        fakes = sampler.sample(count, seed=0)
        mmd2(extract(fakes)[0], features)
        if check:
            check.share(fakes)
        return time.perf_counter() - began

    score(FAKES[0])
    few, many = score(FAKES[0]), score(FAKES[1])
    fake = max(0.0, many - few) / (FAKES[1] - FAKES[0])
    return max(0.0, few - FAKES[0] * fake), fake, real
