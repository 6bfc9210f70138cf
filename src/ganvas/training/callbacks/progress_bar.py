"""The progress of a run: a live panel on a terminal, elsewhere a line per tick."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...base.progress import current, shown
from ...config.plan import Plan
from ...doctor import Finding
from ...evaluation.base import called
from ...storage.run import Run
from .base import EachTick
from .checkpoint import Checkpoint
from .panel import Panel
from .samples import Samples
from .watch import Watch

HIDDEN = ("signal/", "slope/")
"""Prefixes of values that are logged for the doctor, but not shown."""
SCORE = "score/"


class ProgressBar(EachTick):
    """Called last. Within its block it shows a `Panel`, whose timer reads the step counter: a
    callback at each batch would wait for the device.

    Args:
        start: step from which this session trains.
        checkpoint: knows the duration of a tick's steps.
        watch: knows what the doctor found; None: it is off.
        samples: knows the last picture.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        start: int,
        checkpoint: Checkpoint,
        samples: Samples,
        watch: Watch | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(run, plan)
        self.checkpoint, self.samples, self.watch = checkpoint, samples, watch
        self.now, self.began = now, now()
        self.panel = Panel(plan, start, self.step, now)
        scored = [row for row in run.rows() if f"{SCORE}seconds" in row]
        if scored:  # by an earlier session
            self.panel.pauses[True].append(scored[-1][f"{SCORE}seconds"])
            self._score(scored[-1])
        self._block = contextlib.ExitStack()

    def __enter__(self) -> ProgressBar:
        self._block.enter_context(shown(self.panel))
        return self

    def __exit__(self, *failure: Any) -> None:
        self._block.__exit__(*failure)

    def step(self) -> int:
        """Number of trained steps. It is called by another thread than the training's."""
        return 0 if self.model is None else int(self.model.step.numpy())

    def on_epoch_begin(self, epoch: Any, logs: Any = None) -> None:
        self.began = self.now()

    def tick(self, step: int, logs: dict[str, float]) -> None:
        self.panel.tick(step, max(0.0, self.now() - self.began - self.checkpoint.seconds))
        seen = {name: value for name, value in logs.items() if not name.startswith(HIDDEN)}
        losses = {k: v for k, v in seen.items() if not k.startswith((SCORE, "learning_rate"))}
        self._row("losses", [f"{name} {value:.3g}" for name, value in sorted(losses.items())])
        self._score(logs)
        if self.watch:
            self._row("doctor", *state_of_health(self.watch.findings))
        if self.samples.path:
            self._row("picture", [str(near(self.samples.path))])
            self.panel.grid = self.samples.path
        best = self.run.best
        names = {by: called(by, best["against"]) for by in (f"{SCORE}{best.get('by')}",)
                 if "against" in best}  # fmt: skip
        means = " ".join(f"{names.get(k, k)} {value:.3g}" for k, value in sorted(seen.items()))
        if (reporter := current()) and not reporter.display:
            parts = (self.panel.count(), self.panel.speed(), means, self.panel.times())
            reporter.say("  ".join(filter(None, parts)))

    def _row(self, name: str, parts: list[str], style: str = "") -> None:
        if parts:
            self.panel.rows[name] = parts, style

    def _score(self, logs: Mapping[str, float]) -> None:
        """The score of this tick, if it has one, against the best and the floor."""
        best = self.run.best
        by = best.get("by", "")
        if (value := logs.get(f"{SCORE}{by}")) is None:
            return
        name = called(by, against := best.get("against", "real images"))
        parts = [f"{name} {value:.4g}", f"best {best[by]:.4g} at {best['kimg']:g} kimg"]
        if (floor := (best.get("floor") or {}).get(by)) is not None:
            parts.append(f"floor {floor:.4g}")
        self._row("score", parts if name != by else [*parts, f"on {against}"])


def state_of_health(findings: list[Finding] | None) -> tuple[list[str], str]:
    """The doctor's findings in words, and their colour."""
    if findings is None:
        return ["too early to say"], "dim"
    if not findings:
        return ["no failure found"], "green"
    style = "red" if any(one.severity == "certain" for one in findings) else "yellow"
    return [
        f"{one.failure} since {one.since_kimg:g} kimg ({one.severity})" for one in findings
    ], style


def near(path: Path) -> Path:
    """The path from the present folder, if it is in it."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
