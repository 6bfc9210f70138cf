"""A study that any number of processes share, and that survives a kill of any of them.

Trials are stored by Optuna. Their runs are in a folder next to it, under a name made of the
values, so that the same values are never trained twice and a killed trial is continued.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from ..base.files import in_turn, is_locked
from ..config import Config
from ..errors import UsageError
from .space import Space, combinations, distributions, parameters_of

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
DEATHS = 3
"""A trial is given up after so many deaths of its process without progress between them: it may
not fit into memory."""
POLL = 1.0
"""Seconds between two checks whether another worker's last trial ended, or the worker died."""
STARTUP = 6
"""Random trials before the sampler uses earlier results, and before early stopping."""


class Study:
    """One search over one recipe.

    Args:
        place: a file, or the address of a database (with "://").
        folder: of the runs and locks.
        about: what is searched; an existing study must have the same.
        seed: trial k depends on (seed, k) and on the results before it.

    Raises: UsageError: the study cannot be opened, or holds another search.
    """

    def __init__(self, place: str, folder: Path, space: Space, about: Mapping[str, Any], seed: int):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.place, self.folder, self.space, self.seed = place, folder, space, seed
        url = place if "://" in place else _sqlite(Path(place).absolute())
        new = not folder.exists()
        for name in ("trials", "workers"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        try:
            with self._alone():
                self.optuna = optuna.create_study(
                    storage=url, study_name="ganvas", direction="minimize", load_if_exists=True,
                    pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP),
                )  # fmt: skip
        except Exception as error:  # each database driver has its own classes
            if new:
                shutil.rmtree(folder)
            raise UsageError(
                f"the study {place} cannot be opened ({type(error).__name__}): give a file name "
                "ending in .db, or the address of a database that Optuna knows"
            ) from error
        before = self.optuna.user_attrs
        for key, value in about.items():
            if before.get(key, value) != value:
                raise UsageError(
                    f"the study {place} has {key} {before[key]}, this search {value}: choose "
                    "another --study"
                )
            if key not in before:
                self.optuna.set_user_attr(key, value)

    @property
    def address(self) -> str:
        """File or database without its password, as best.toml quotes it."""
        if "://" not in self.place:
            return str(Path(self.place).absolute())
        return sqlalchemy.make_url(self.place).set(query={}).render_as_string()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with in_turn(self.folder / ".lock"):
            yield

    @contextlib.contextmanager
    def worker(self) -> Iterator[str]:
        """A name for this process, and a lock that shows that the process is alive."""
        # Not the process id, which another process may have later.
        path = self._lock_of(name := uuid.uuid4().hex)
        path.with_suffix("").touch()  # stays; some versions of filelock remove a released lock
        with in_turn(path):
            yield name

    def _lock_of(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    def ask(
        self, trials: int, worker: str, over: Callable[[], bool] = lambda: False
    ) -> Trial | None:
        """The next trial. Waits while other workers train the last trials, because these are next
        if those workers die. None if there are enough trials, if no combination is left, or if
        `over()` is true.

        Raises: UsageError: not all workers share the folder.
        """
        while True:
            with self._alone():
                self._requeue_dead()
                trial = self._choose(trials, worker)
                running = any(one.state == TrialState.RUNNING for one in self.trials())
                ended = not running or len(self.done()) >= trials
            if trial or ended or over():
                return trial
            time.sleep(POLL)

    def _choose(self, trials: int, worker: str) -> Trial | None:
        """None if enough trials are done or running, or no combination is left."""
        while True:
            tried = [t.params for t in self.trials() if t.state in (*DONE, TrialState.RUNNING)]
            every = combinations(self.space)
            left = [one for one in every if one not in tried]
            if len(tried) >= trials or (every and not left):
                return None
            # Depends on the trial's place, so that a continued search makes the same choices.
            seed = (self.seed * 1_000_003 + len(tried)) % 2**32
            self.optuna.sampler = TPESampler(seed=seed, n_startup_trials=STARTUP)
            trial = self.optuna.ask(distributions(self.space))
            trial.set_user_attr("worker", worker)
            deaths = trial.user_attrs.get("deaths", [])
            if len(deaths) >= DEATHS and len(set(deaths[-DEATHS:])) == 1:
                trial.set_user_attr("why", f"died {DEATHS} times at the same place")
                self.optuna.tell(trial, state=TrialState.PRUNED)
            elif trial.params in tried:  # choices from lists may repeat
                self.optuna.tell(trial, state=TrialState.FAIL)
                if left:
                    self.optuna.enqueue_trial(left[seed % len(left)])
            else:
                return trial

    def start_with(self, config: Config) -> None:
        """Try the recipe's own values first, if they are in the space."""
        own = parameters_of(self.space, config)
        with self._alone():
            if own and not self.trials():
                self.optuna.enqueue_trial(own)

    def _requeue_dead(self) -> None:
        """Put trials of dead processes first in the queue."""
        for trial in self.trials():
            if trial.state != TrialState.RUNNING:
                continue
            worker = trial.user_attrs.get("worker")  # none: killed before it was set
            if worker and self._lives(worker, trial.number):
                continue
            if self.trials()[trial.number].state != TrialState.RUNNING:
                continue  # its worker finished it after the trials were listed
            log = self.folder / "trials" / trial.user_attrs.get("run", "none") / "log.jsonl"
            ticks = log.read_bytes().count(b"\n") if log.is_file() else 0
            deaths = [*trial.user_attrs.get("deaths", []), ticks]
            self.requeue(trial.number, trial.params, deaths=deaths)

    def _lives(self, worker: str, number: int) -> bool:
        """Whether the worker of this trial is alive."""
        lock = self._lock_of(worker)
        if not lock.with_suffix("").exists():
            raise UsageError(
                f"trial {number} belongs to a worker whose lock is not in {lock.parent}: all "
                "machines must share the study's folder; if it was deleted, choose another --study"
            )
        return is_locked(lock)

    def requeue(self, number: int, parameters: Mapping[str, Any], **about: Any) -> None:
        """Put a stopped trial back into the queue."""
        with self._alone():  # others must not see it running without a worker
            self.optuna.tell(number, state=TrialState.FAIL)
            self.optuna.enqueue_trial(dict(parameters), user_attrs=about)

    def trials(self) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False)

    def done(self) -> list[FrozenTrial]:
        """Finished trials, including those stopped early, in order."""
        return [trial for trial in self.trials() if trial.state in DONE]

    def best(self) -> FrozenTrial | None:
        """The trial with the lowest score; those that copy training images come last. None while
        none was trained to its end."""
        complete = [t for t in self.done() if t.state == TrialState.COMPLETE]
        return min(complete, key=_rank, default=None)


def _rank(trial: FrozenTrial) -> tuple[float, float, int]:
    return trial.user_attrs.get("copies", 0.0), trial.value or 0.0, trial.number


def _sqlite(file: Path) -> str:
    """Its address, with special characters of the path escaped."""
    return sqlalchemy.URL.create("sqlite", database=str(file)).render_as_string()
