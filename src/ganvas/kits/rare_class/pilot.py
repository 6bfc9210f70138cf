"""A pilot before a study: how long it will take on this machine, and what its test can show.

Some steps of a generator, a classifier and the feature network are timed; this takes less than two
minutes. A study that would take longer than `Plan.minutes` is refused before it starts.
"""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np

from ...base.progress import say, stage
from ...errors import UsageError
from ...training.dry_run import rehearse
from . import drawing
from .arms import draws
from .parts import Part
from .plan import HEADS, PLACEBO
from .study import Study

SHORT = 2.0
"""kimg; a study with shorter generators is not timed: it takes less time than the pilot."""
STEPS = 20
FOUND = 2.8
"""A difference of so many standard errors is found in 80 % of studies, at p = 0.05."""


def check(study: Study) -> None:
    """Predict the time of a study that has not begun, and say what its test can show.

    Raises: UsageError: it would take longer than allowed.
    """
    test, rare = study.material.test, study.material.rare
    shown = min(detectable(test, c) for c in rare)
    say(f"the test can show a difference in AUROC of about {shown:.3f} or more")
    if study.plan.kimg < SHORT or any(study.folder.glob("seeds/*/*")):
        return
    with stage("pilot"):
        minutes = predicted(study) / 60
    say(f"the study will take about {minutes:.0f} minutes")
    if minutes > study.plan.minutes:
        raise UsageError(
            f"the study would take about {minutes:.0f} minutes on this machine, at most "
            f"{study.plan.minutes:g} are allowed: choose a smaller --size, fewer --seeds, --kimg "
            "or --steps, or more --minutes"
        )


def detectable(test: Part, c: int, area: float = 0.9) -> float:
    """The smallest difference in AUROC that two arms of this area can be expected to show, if the
    ranks of an image in both have a correlation of a half.

    Source: Hanley and McNeil 1982, Radiology 143, p. 29, for the standard error of an area.
    """
    positives = len(np.unique(test.units[test.labels == c]))
    negatives = len(np.unique(test.units[test.labels != c]))
    both = area * area
    first, second = area / (2 - area) - both, 2 * both / (1 + area) - both
    spread = area * (1 - area) + (positives - 1) * first + (negatives - 1) * second
    return FOUND * math.sqrt(spread / (positives * negatives))


def predicted(study: Study) -> float:
    """Seconds of the whole study."""
    plan, material = study.plan, study.material
    train, _ = study.fold(0)
    values = {
        "data.labels": True, "data.balanced": True, "data.holdout": 0.0, "scores.times": 0,
        "data.size": train.images.shape[1:3], "train.kimg": plan.kimg,
    }  # fmt: skip
    images = (train.images, train.labels)
    timed = rehearse(images, plan.recipe, overrides={**values, **plan.values})
    runs = 1 + plan.seeds
    generators = timed.seconds * (1 + plan.seeds / 2) + timed.compile_seconds * runs
    pixels = sum(len(plan.settings(arm)) for arm in plan.arms if not _of_features(arm))
    pixels += sum(not _of_features(PLACEBO[arm]) for arm in plan.mixed)
    count = len(material.learn) + len(material.test)
    synthetic = sum(drawing.synthetic_count(material, c) for c in material.rare)
    features = _seconds_of_features(study) * (count + plan.seeds * 3 * synthetic)
    return generators + plan.seeds * pixels * _seconds_of_fit(study, train) + features


def _of_features(arm: str) -> bool:
    return arm in HEADS or arm.startswith("lda")


def _seconds_of_fit(study: Study, train: Part) -> float:
    """Of one classifier of pixels, with its draws and its predictions."""
    short = dataclasses.replace(study.plan, steps=STEPS)
    test = study.material.test.images
    few = test[: min(len(test), 4 * study.plan.batch)]
    fit = study.fit
    for _ in range(2):  # the first one compiles
        began = time.perf_counter()
        drawn = draws("classical", 0.0, train, {}, short, 0)
        predict = fit(
            drawn.images, drawn.labels, classes=len(study.material.names), seed=0,
            weights=drawn.weights, batch=short.batch,
        )  # fmt: skip
        fitted = time.perf_counter()
        predict(few)
        done = time.perf_counter()
    share = len(test) / len(few)
    return (fitted - began) * study.plan.steps / STEPS + (done - fitted) * share


def _seconds_of_features(study: Study) -> float:
    """Of one image."""
    images = study.material.learn.images
    few = images[np.arange(128) % len(images)]
    study.featured.compute(few[:64])
    began = time.perf_counter()
    study.featured.compute(few)
    return (time.perf_counter() - began) / len(few)
