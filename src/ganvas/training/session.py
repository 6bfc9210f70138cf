"""All objects of one training: the run folder, its recipe, its images, the GAN and its plan."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.progress import stage
from ..config import Config
from ..config.plan import Plan
from ..data import Images
from ..gan.model import GAN
from ..gan.private import spent
from ..storage.run import Run
from .assembly import assemble


@dataclass
class Session:
    """One training. `train` sets its attributes, `loop` trains it.

    Attributes:
        strategy: the devices on which the GAN is built.
        progress: show a live line, or a line per tick if there is no terminal.
        each_tick: called after each tick, when its log and state are written; True: stop.
        why: the reason for the pretrained pair, if it was chosen.
        callbacks: the caller's.
        given: weights of the caller's generator and discriminator, with which his networks begin.
        run: the folder that is written to; a worker that is not the chief only reads it. It is
            made after the images are read and the GAN is built, so that an error leaves no folder.
        gan: built by `assemble` from the recipe.
        plan: the length of the run, in steps.
        before: the state one tick ago, if the last tick is unscored and the state is known.
    """

    config: Config
    source: Images
    strategy: tf.distribute.Strategy
    progress: bool = True
    each_tick: Callable[[Run], bool] | None = None
    why: str = ""
    callbacks: Sequence[keras.callbacks.Callback] = ()
    given: Sequence[list[np.ndarray]] = ()
    run: Run = field(init=False)
    gan: GAN = field(init=False)
    plan: Plan = field(init=False)
    before: dict[str, np.ndarray] | None = None

    def assemble(self, config: Config | None = None) -> None:
        """Build the GAN and its plan; with another recipe, if one is given."""
        self.config = config or self.config
        with stage("building the networks"), self.strategy.scope():
            self.gan, self.plan = assemble(self.config, self.source)
            if self.given:
                generator, discriminator = self.given
                self.gan.generator.set_weights(generator)
                self.gan.ema_generator.set_weights(generator)
                self.gan.discriminator.set_weights(discriminator)

    @property
    def step(self) -> int:
        """Number of trained steps."""
        return int(self.gan.step.numpy())

    @property
    def done(self) -> bool:
        """Whether all steps of the plan were trained."""
        return self.step >= self.plan.total

    def record(self, status: str, step: int | None = None, **values: Any) -> None:
        """Write the status to run.json, and the privacy cost after a step; default: the current."""
        step = self.step if step is None else step
        if self.config.privacy.on:
            values["privacy"] = spent(self.config, self.source.count, step)
        self.run.update_info(status=status, updated=now(), **values)


def now() -> str:
    """Local time with its zone, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
