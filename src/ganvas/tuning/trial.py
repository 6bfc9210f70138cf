"""One trial: a run of fixed length, judged by its last score, stopped early if it is bad."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optuna.trial import Trial, TrialState

from ..doctor import examine_run
from ..errors import ConfigError, Diverged
from ..storage.run import Run
from ..training.train import train_or_resume
from .session import Search
from .study import Study


def outcome_of(
    search: Search,
    study: Study,
    trial: Trial,
    values: dict[str, Any],
    share_done: Callable[[float], None],
) -> str:
    """Train a trial, report it to the study, and return how it ended, in a few words.

    Args:
        share_done: called after each tick with the share of the trial that is trained.
    """
    folder = search.run_of(values)
    trial.set_user_attr("run", folder.name)
    monitor = Monitor(trial, search.config.train.kimg, search.over)

    def each_tick(run: Run) -> bool:
        share_done(run.rows()[-1]["kimg"] / search.config.train.kimg)
        return monitor(run)

    try:
        run = trained(search, folder, values, each_tick)
    except (ConfigError, Diverged) as error:
        monitor.why = "diverged" if isinstance(error, Diverged) else str(error)
    except BaseException:
        study.requeue(trial.number, trial.params)
        raise
    if monitor.why:
        trial.set_user_attr("why", monitor.why)
        study.optuna.tell(trial, state=TrialState.PRUNED)
        return f"stopped, {monitor.why}"
    if run.status() != "finished":
        study.requeue(trial.number, trial.params)
        if time.time() < search.deadline:
            raise KeyboardInterrupt
        return "postponed"
    by, value = run.best["by"], scores_of(run)[-1]
    trial.set_user_attr("by", by)
    trial.set_user_attr("copies", copies_of(run))
    study.optuna.tell(trial, value)
    return f"{by} {value:.4g}"


def trained(
    search: Search,
    folder: Path,
    values: Mapping[str, Any],
    monitor: Callable[[Run], bool] | None = None,
) -> Run:
    """The run of these values: trained, resumed, or as it is if `monitor` stopped it already."""
    if monitor and (folder / "config.toml").is_file():
        run = Run.open(folder)
        if run.rows() and monitor(run):
            return run
    config = search.config.with_values(values)
    return train_or_resume(search.data, config, folder, progress=False, each_tick=monitor)


def scores_of(run: Run) -> list[float]:
    """The scores by which a run is judged, in order of training."""
    key = f"score/{run.best.get('by', 'frechet')}"
    return [float(row[key]) for row in run.rows() if key in row]


def copies_of(run: Run) -> float:
    """The share of near-copies of training images among its last scored images, less what is
    allowed; 0 if its scores are of held-out images, which reward no copies."""
    shares = [row["score/near_copies"] for row in run.rows() if "score/near_copies" in row]
    allowed = run.best.get("copies_allowed")
    return 0.0 if allowed is None or not shares else max(0.0, float(shares[-1]) - float(allowed))


class Monitor:
    """Called after each tick; returns True to stop the trial.

    Attributes:
        why: the reason for stopping it early; empty otherwise.
    """

    def __init__(self, trial: Trial, kimg: float, over: Callable[[], bool]):
        self.trial = trial
        self.kimg = kimg
        self.over = over
        self.reported = 0
        self.why = ""

    def __call__(self, run: Run) -> bool:
        scores = scores_of(run)
        for number in range(self.reported, len(scores)):
            self.trial.report(scores[number], number)
        fresh, self.reported = len(scores) > self.reported, len(scores)
        if run.rows()[-1]["kimg"] >= self.kimg:
            return False
        certain = [f for f in examine_run(run) if f.severity == "certain"]
        failures = [f.failure for f in certain if f.failure != "bad_data"]
        if failures:
            self.why = failures[0]
        elif fresh and self.trial.should_prune():
            self.why = "worse than the median"
        return bool(self.why) or self.over()
