"""One trial: a run of fixed length, judged by its last score, stopped early when hopeless."""

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


def outcome_of(search: Search, study: Study, trial: Trial, values: dict[str, Any]) -> str:
    """Play a trial, tell the study, and say how it ended."""
    folder = search.run_of(values)
    trial.set_user_attr("run", folder.name)
    monitor = Monitor(trial, search.config.train.kimg, search.over)
    try:
        run = played(search, folder, values, monitor)
    except (ConfigError, Diverged) as error:
        monitor.why = "diverged" if isinstance(error, Diverged) else str(error)
    except BaseException:
        study.give_back(trial.number, trial.params)
        raise
    if monitor.why:
        trial.set_user_attr("why", monitor.why)
        study.optuna.tell(trial, state=TrialState.PRUNED)
        return f"stopped, {monitor.why}"
    if run.status() != "finished":
        study.give_back(trial.number, trial.params)
        if time.time() < search.deadline:
            raise KeyboardInterrupt
        return "put off"
    by, value = run.best["by"], scores_of(run)[-1]
    trial.set_user_attr("by", by)
    study.optuna.tell(trial, value)
    return f"{by} {value:.4g}"


def played(search: Search, folder: Path, values: Mapping[str, Any], judge=None) -> Run:
    """The run of these values: trained, resumed, or as it was, if finished or judged already."""
    if judge and (folder / "config.toml").is_file():
        run = Run.open(folder)
        if run.rows() and judge(run):
            return run
    config = search.config.with_values(values)
    return train_or_resume(search.data, config, folder, progress=False, each_tick=judge)


def scores_of(run: Run) -> list[float]:
    """The score that a run is judged by, in order."""
    key = f"score/{run.best.get('by', 'frechet')}"
    return [float(row[key]) for row in run.rows() if key in row]


class Monitor:
    """Asked after each tick whether a trial is worth going on with.

    Attributes:
        why: what it was stopped for; empty while it may go on.
    """

    def __init__(self, trial: Trial, kimg: float, over: Callable[[], bool]):
        self.trial = trial
        self.kimg = kimg
        self.over = over
        self.told = 0
        self.why = ""

    def __call__(self, run: Run) -> bool:
        scores = scores_of(run)
        for number in range(self.told, len(scores)):
            self.trial.report(scores[number], number)
        fresh, self.told = len(scores) > self.told, len(scores)
        if run.rows()[-1]["kimg"] >= self.kimg:
            return False
        certain = [f for f in examine_run(run) if f.severity == "certain"]
        sick = [f.disease for f in certain if f.disease != "bad_data"]
        if sick:
            self.why = sick[0]
        elif fresh and self.trial.should_prune():
            self.why = "worse than the median"
        return bool(self.why) or self.over()
