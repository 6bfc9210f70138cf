"""Stops a run whose losses or weights are no longer finite numbers."""

from __future__ import annotations

import math

import numpy as np

from ...config.plan import Plan
from ...errors import Diverged
from ...storage.run import Run
from .base import EachTick


class NaNGuard(EachTick):
    """Called before all callbacks that write, so that the last saved state is finite.

    Without a run, in a worker that writes nothing: it stops at the same step as the chief.
    """

    def __init__(self, run: Run | None, plan: Plan) -> None:
        super().__init__(run, plan)  # type: ignore[arg-type]

    def tick(self, step: int, logs: dict[str, float]) -> None:
        wrong = [f"loss '{name}'" for name, value in logs.items() if not math.isfinite(value)]
        wrong += [
            f"weight {weight.path}"
            for weight in self.model.generator.weights + self.model.discriminator.weights
            if not np.isfinite(weight.numpy()).all()
        ]
        if wrong:
            about = {"what": wrong[0], "step": step, "kimg": round(self.plan.kimg(step), 3)}
            if self.run is None:
                raise Diverged(f"{wrong[0]} is not finite after step {step}")
            self.run.update_info(diverged=about)
            advice = "lower the learning rates or add a penalty, then train"
            if self.run.states():
                kept = f"the last good state is kept in {self.run.folder}/state; {advice} --from it"
            else:
                kept = f"it is the first tick, so there is no good state; {advice} again"
            raise Diverged(
                f"{wrong[0]} is not finite after step {step} ({self.plan.kimg(step):.1f} kimg): "
                f"{kept}"
            )
