"""The length of a run in steps: from a recipe's kimg to stretches, one call of `fit` each."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from . import Scores, Train, Watch


@dataclass(frozen=True)
class Stretch:
    """Ticks of equal length: one call of `fit`."""

    start: int
    ticks: int
    steps: int
    warming_up: bool


@dataclass(frozen=True)
class Plan:
    """A run counted in steps; all counts are multiples of `execution`. If `execution` was changed
    since the run began, its first stretch may be no multiple.

    Attributes:
        batch: images per turn.
        turns: batches of real images that one step takes from the stream.
        discriminator_steps: turns of the discriminator; kimg counts only these.
        execution: steps in one call of Keras's train function.
        tick: steps between two saved states.
        warmup: first steps, in which only the discriminator is trained.
        total: all steps.
        burn_in: steps over which values with a start value change to their final value.
        grid_every: ticks between two image grids; 0 for none.
        score_every: ticks between two scorings; 0 for none.
    """

    batch: int
    turns: int
    discriminator_steps: int
    execution: int
    tick: int
    warmup: int
    total: int
    burn_in: int
    grid_every: int
    score_every: int

    @classmethod
    def of(cls, train: Train, watch: Watch, reads_real: bool, scores: Scores | None = None) -> Plan:
        images = train.batch * train.discriminator_steps
        total = math.ceil(train.kimg * 1000 / images)
        execution = min(train.steps_per_execution, total)

        def steps(kimg: float) -> int:
            return math.ceil(kimg * 1000 / images / execution) * execution

        tick, total = steps(train.tick_kimg), steps(train.kimg)
        burn_in = train.burn_in * total or train.burn_in_kimg * 1000 / images

        def ticks_between(times: int) -> int:
            return max(1, round(total / tick / times)) if times else 0

        return cls(
            batch=train.batch,
            turns=train.discriminator_steps + int(reads_real),
            discriminator_steps=train.discriminator_steps,
            execution=execution,
            tick=tick,
            warmup=steps(train.warmup_kimg),
            total=total,
            burn_in=round(burn_in),
            grid_every=ticks_between(watch.grids),
            score_every=ticks_between((scores or Scores()).filled.times or 0),
        )

    def kimg(self, step: int) -> float:
        """Thousand real images shown to the discriminator after so many steps."""
        return step * self.batch * self.discriminator_steps / 1000

    def step(self, kimg: float) -> int:
        """The step after which so many thousand real images were shown."""
        return round(kimg * 1000 / (self.batch * self.discriminator_steps))

    def position(self, step: int) -> int:
        """Index in the training stream of the first image of a step."""
        return step * self.batch * self.turns

    def grid_due(self, step: int) -> bool:
        """Whether a grid and a model are written after this step."""
        return step >= self.total or self._every(self.grid_every, step)

    def score_due(self, step: int) -> bool:
        """Whether the averaged generator is scored after this step; not during the warm-up, in
        which it does not change."""
        due = step >= self.total or self._every(self.score_every, step)
        return bool(self.score_every) and due and step > self.warmup

    @property
    def ends(self) -> list[int]:
        """The steps after which a tick ends."""
        return [*range(self.tick, self.total, self.tick), self.total]

    def _every(self, ticks: int, step: int) -> bool:
        return bool(ticks) and step % (self.tick * ticks) == 0

    def stretches(self, start: int) -> list[Stretch]:
        """The steps that remain from a step on, cut at ticks and at the end of warm-up."""
        ticks = range(start - start % self.tick, self.total, self.tick)
        inner = {cut for cut in (*ticks, self.warmup, self.total) if start < cut <= self.total}
        cuts = sorted({start, *inner})
        pieces = [
            (stop - begin, begin < self.warmup, begin) for begin, stop in itertools.pairwise(cuts)
        ]
        stretches = []
        for (steps, warming_up), group in itertools.groupby(pieces, key=lambda t: t[:2]):
            begins = [begin for _, _, begin in group]
            stretches.append(Stretch(begins[0], len(begins), steps, warming_up))
        return stretches
