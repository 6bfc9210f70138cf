"""A study that any number of processes share, and that survives their death.

Trials stand in an Optuna storage; what they trained lies in a folder beside it, under a name made
of the values, so that the same values are never trained twice and a killed trial goes on.
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
from ..errors import UsageError
from .space import Space, combinations, distributions, parameters_of

DONE = (TrialState.COMPLETE, TrialState.PRUNED)
DEATHS = 3
"""Times that a trial may take its process with it without a tick of progress: it may need more
memory than there is."""
POLL = 1.0
"""Seconds between two looks at whether another worker's last trial is done, or that worker dead."""
STARTUP = 6
"""Trials at random before the search goes by what it saw, and before it prunes."""


class Study:
    """One search over one recipe.

    Args:
        place: a file, or the address of a database (a word with "://").
        folder: where runs and locks lie.
        about: what is searched; a study goes on only with the same.
        seed: of the choices: trial k depends on (seed, k) and on what was seen before it.

    Raises: UsageError: the place cannot be opened, or holds a search for something else.
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
        except Exception as error:  # the drivers of each database have their own
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
                    f"the study {place} searches with {key} {before[key]}, not {value}: choose "
                    "another --study"
                )
            if key not in before:
                self.optuna.set_user_attr(key, value)

    @property
    def address(self) -> str:
        """Where it lies, without a password: it stands in recipes that are passed on."""
        if "://" not in self.place:
            return str(Path(self.place).absolute())
        return sqlalchemy.make_url(self.place).set(query={}).render_as_string()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with in_turn(self.folder / ".lock"):
            yield

    @contextlib.contextmanager
    def worker(self) -> Iterator[str]:
        """A name for this process; as long as it lives, its trials are its own."""
        # Not the process's number, which another may bear later.
        path = self._lock_of(name := uuid.uuid4().hex)
        path.with_suffix("").touch()  # stays; some versions of filelock remove what they let go
        with in_turn(path):
            yield name

    def _lock_of(self, worker: str) -> Path:
        return self.folder / "workers" / f"{worker}.lock"

    def ask(
        self, trials: int, worker: str, over: Callable[[], bool] = lambda: False
    ) -> Trial | None:
        """The next trial. While others play the last ones it waits, as theirs is the next when they
        die. None when enough are done, nothing is left to try, or waiting is `over`.

        Raises: UsageError: the folder is not shared by all workers.
        """
        while True:
            with self._alone():
                self._give_back_the_dead()
                trial = self._choose(trials, worker)
                playing = any(one.state == TrialState.RUNNING for one in self.trials())
                ended = not playing or len(self.done()) >= trials
            if trial or ended or over():
                return trial
            time.sleep(POLL)

    def _choose(self, trials: int, worker: str) -> Trial | None:
        """None when as many are done or being done, or nothing is left to try."""
        while True:
            tried = [t.params for t in self.trials() if t.state in (*DONE, TrialState.RUNNING)]
            every = combinations(self.space)
            left = [one for one in every if one not in tried]
            if len(tried) >= trials or (every and not left):
                return None
            # Of the trial's place, so that going on after a kill chooses what it would have.
            seed = (self.seed * 1_000_003 + len(tried)) % 2**32
            self.optuna.sampler = TPESampler(seed=seed, n_startup_trials=STARTUP)
            trial = self.optuna.ask(distributions(self.space))
            trial.set_user_attr("worker", worker)
            deaths = trial.user_attrs.get("deaths", [])
            if len(deaths) >= DEATHS and len(set(deaths[-DEATHS:])) == 1:
                trial.set_user_attr("why", f"died {DEATHS} times at the same place")
                self.optuna.tell(trial, state=TrialState.PRUNED)
            elif trial.params in tried:  # choices from lists: nothing new would be learnt
                self.optuna.tell(trial, state=TrialState.FAIL)
                if left:
                    self.optuna.enqueue_trial(left[seed % len(left)])
            else:
                return trial

    def start_with(self, config) -> None:
        """Try the recipe's own values first, where they lie in the space."""
        own = parameters_of(self.space, config)
        with self._alone():
            if own and not self.trials():
                self.optuna.enqueue_trial(own)

    def _give_back_the_dead(self) -> None:
        """Trials whose process is gone are put first in the queue."""
        for trial in self.trials():
            if trial.state != TrialState.RUNNING:
                continue
            worker = trial.user_attrs.get("worker")  # none: killed before it could say who it is
            if worker and self._lives(worker, trial.number):
                continue
            if self.trials()[trial.number].state != TrialState.RUNNING:
                continue  # its worker reported it and ended after the trials were listed
            log = self.folder / "trials" / trial.user_attrs.get("run", "none") / "log.jsonl"
            ticks = log.read_bytes().count(b"\n") if log.is_file() else 0
            deaths = [*trial.user_attrs.get("deaths", []), ticks]
            self.give_back(trial.number, trial.params, deaths=deaths)

    def _lives(self, worker: str, number: int) -> bool:
        """Whether the worker that plays this trial is alive."""
        lock = self._lock_of(worker)
        if not lock.with_suffix("").exists():
            raise UsageError(
                f"trial {number} is being played by a worker whose lock is not in {lock.parent}: "
                "the study's folder must be shared by all machines; if it was deleted, choose "
                "another --study"
            )
        return is_locked(lock)

    def give_back(self, number: int, parameters: Mapping[str, Any], **about: Any) -> None:
        """A trial that was stopped will be asked for again."""
        with self._alone():  # nobody is to find it still running, and its worker gone
            self.optuna.tell(number, state=TrialState.FAIL)
            self.optuna.enqueue_trial(dict(parameters), user_attrs=about)

    def trials(self) -> list[FrozenTrial]:
        return self.optuna.get_trials(deepcopy=False)

    def done(self) -> list[FrozenTrial]:
        """Finished trials, pruned ones among them, in order."""
        return [trial for trial in self.trials() if trial.state in DONE]

    def best(self) -> FrozenTrial | None:
        """The trial with the lowest score; None while none was played to its end."""
        complete = [t for t in self.done() if t.state == TrialState.COMPLETE]
        return min(complete, key=lambda trial: (trial.value, trial.number), default=None)


def _sqlite(file: Path) -> str:
    """Its address, whatever signs its path has that mean something in one."""
    return sqlalchemy.URL.create("sqlite", database=str(file)).render_as_string()
