"""The length of a run and its scoring, fitted to time: numbers in, values of a recipe out.

Nothing here reads a clock: `timing` measures, and what follows from it is saved in config.toml, so
that a resumed run does not depend on the time it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..config import Config
from ..config.plan import Plan

TICKS = 25
"""Ticks of a run that is fitted to a number of minutes."""
FEWEST_TICKS = 4
OVERHEAD = 0.1
"""Largest share of the time for the work of ticks other than scoring, if fewer ticks can do it."""
SPARE = 0.97
"""Part of the minutes that is planned: the rest is for the end of the process."""
SCORES_SPARE = 0.75
"""Part of the share for scoring that is planned: in six runs of benchmarks/first_minute.py scorings
took 1.0 to 1.3 times as long as the pieces that are measured before."""
TICK_IMAGES = 250
"""Images that are drawn and looked at in a tick, by the doctor and for the grid."""
TICK_SECONDS = 0.3
"""Seconds for the files of a tick."""
LADDER = (
    (8, 1000, 1000), (8, 700, 1000), (8, 500, 1000), (8, 350, 1000), (8, 250, 1000),
    (6, 250, 1000), (4, 250, 1000), (8, 250, 500), (4, 250, 500), (3, 200, 400), (2, 150, 300),
    (2, 100, 200), (1, 200, 200), (1, 100, 100),
)  # fmt: skip
"""Scorings over a run, images of each, images of the last one: the first that fits is taken."""


@dataclass(frozen=True)
class Speed:
    """What was measured, in seconds.

    Attributes:
        step: of a training step.
        scoring: of a scoring, without what grows with its images.
        fake: of a generated image that is scored: drawing, features, comparison.
        real: of the features of a real image.
    """

    step: float
    scoring: float = 0.0
    fake: float = 0.0
    real: float = 0.0

    @property
    def tick(self) -> float:
        """The work at the end of a tick without scoring, roughly."""
        return TICK_SECONDS + TICK_IMAGES * self.fake


@dataclass(frozen=True)
class Case:
    """What is fitted.

    Attributes:
        config: its `scores` may have unset values; with `train.minutes`, so has its length.
        reads_real: see `Plan.of`.
        real: images that fakes can be compared with.
        held: whether they are held out, so that they have a floor.
    """

    config: Config
    reads_real: bool
    real: int
    held: bool

    def plan(self, config: Config) -> Plan:
        return Plan.of(config.train, config.watch, self.reads_real, config.scores)


@dataclass(frozen=True)
class Fit:
    """A recipe that is fitted, and how long it takes from its first step.

    Attributes:
        scoring: seconds of all scorings, within `seconds`.
    """

    config: Config
    seconds: float
    scoring: float


def fit(case: Case, speed: Speed, left: float = 0.0) -> Fit:
    """Fit scoring to its share of the time, and with `train.minutes` the length to what is left.

    Args:
        left: seconds until the end, after compiling; only for `train.minutes`.
    """
    config = case.config
    if config.train.minutes is None:
        steps, scoring = _of_ticks(case, config, speed), 0.0
        if config.scores.filled.times:
            share = SCORES_SPARE * config.scores.share
            config = config.with_values(scores(case, config, speed, share * steps / (1 - share)))
            scoring = cost(case, config, speed)
        return Fit(config, steps + scoring, scoring)
    left *= SPARE
    share = SCORES_SPARE * config.scores.share if config.scores.filled.times else 0.0
    allowed = spent = share * 60 * config.train.minutes
    for _ in range(3):  # what scoring does not need is for steps
        config = _as_long(case, speed, left - spent)
        if share:
            config = config.with_values(scores(case, config, speed, allowed))
            spent = cost(case, config, speed)
    return Fit(config, _of_ticks(case, config, speed) + spent, spent)


def _as_long(case: Case, speed: Speed, seconds: float) -> Config:
    """The recipe with its length and schedules for so many seconds of steps and ticks."""
    config, train = case.config, case.config.train
    before = case.plan(config)
    ticks = min(TICKS, max(FEWEST_TICKS, int(OVERHEAD * seconds / speed.tick)))
    steps = max(1, int((seconds - ticks * speed.tick) / speed.step))
    whole = max(1, steps // before.execution) * before.execution
    kimg = before.kimg(whole)
    factor = kimg / train.kimg
    values = {
        "train.kimg": kimg,
        "train.tick_kimg": max(kimg / ticks, before.kimg(before.execution)),
        "train.warmup_kimg": train.warmup_kimg * min(1.0, factor),
        "train.ema_kimg": train.ema_kimg * max(1.0, factor),  # its ramp shortens it
    }
    if train.burn_in_kimg:
        values["train.burn_in_kimg"] = train.burn_in_kimg * factor
    return config.with_values({name: _rounded(value) for name, value in values.items()})


def _rounded(value: float) -> float:
    """A number that a person can read, and which is not zero."""
    return float(f"{value:.6g}")


def _of_ticks(case: Case, config: Config, speed: Speed) -> float:
    """Seconds of all steps and ticks without scoring."""
    plan = case.plan(config)
    return plan.total * speed.step + len(plan.ends) * speed.tick


def scores(case: Case, config: Config, speed: Speed, seconds: float) -> dict[str, Any]:
    """The values of `scores` that are unset, so that all scorings take at most so many seconds if
    that is possible. Where `images` is given, so are the images of the last scoring."""
    names = ("times",) if config.scores.images else ("times", "images", "last_images", "real")
    unset = [name for name in names if getattr(config.scores, name) is None]
    values: dict[str, Any] = {}
    for times, images, last in LADDER if unset else ():
        rung = {"times": times, "images": images, "last_images": last, "real": max(2 * last, 200)}
        values = {f"scores.{name}": rung[name] for name in unset}
        if cost(case, config.with_values(values), speed) <= seconds:
            break
    return values


def cost(case: Case, config: Config, speed: Speed) -> float:
    """Seconds of all scorings of a run."""
    options, plan = config.scores.filled, case.plan(config)
    count = sum(plan.score_due(step) for step in plan.ends)
    if not count:
        return 0.0
    real = min(options.real or 0, case.real)
    floor = options.last_images or 0 if case.held else 0
    drawn = (count - 1) * (options.images or 0) + (options.last_images or 0)
    if count > 1 and options.last_images != options.images:  # the best model again
        count, drawn = count + 1, drawn + (options.last_images or 0)
    return math.fsum((count * speed.scoring, drawn * speed.fake, (real + floor) * speed.real))
