"""Workers of a search: trial after trial, in this process or in others."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess

import keras

from ..base.building import building
from ..base.logs import quiet
from ..base.messages import log
from ..base.printing import cover
from ..base.progress import plain, reporting, say, stage
from ..base.signals import stopping
from ..base.stages import Stage
from ..base.workers import environment
from ..errors import GanvasError, RunError
from .session import Search
from .space import summary, values_of
from .trial import outcome_of

RETRIES = 3
"""How often dead workers are replaced."""
POLL = 2.0
"""Seconds between two counts of the trials of other processes."""
STOPPED, FAILED = 130, 2
"""Exit codes of workers: after Ctrl-C, and after an error that other workers would have, too."""


def run_trials(search: Search, workers: int) -> None:
    """Train trials until there are enough, in this process or in several.

    Raises: RunError: workers failed or died. KeyboardInterrupt: after Ctrl-C.
    """
    if workers == 1:
        with stage("searching", search.trials, "trials") as searching:
            work(search, searching)
        return
    # Spawned, not forked: TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    for _ in range(1 + RETRIES):
        team = [context.Process(target=_worker, args=(search,)) for _ in range(workers)]
        with environment(TF_NUM_INTRAOP_THREADS=str(threads)):
            for process in team:
                process.start()
        try:
            with plain(), stage("searching", search.trials, "trials") as searching:
                _await(team, search, searching)
        finally:
            for process in team:  # they received Ctrl-C as well and save their trials
                process.join()
        codes = {process.exitcode for process in team}
        if STOPPED in codes:
            raise KeyboardInterrupt
        if codes & {FAILED, 1}:
            raise RunError(
                "a worker failed, see its message above: correct the cause and start again"
            )
        if codes == {0}:
            return
        log.warning("a worker died; its trial is continued")
    raise RunError(f"workers died {1 + RETRIES} times: see their messages above")


def _await(team: Sequence[BaseProcess], search: Search, searching: Stage) -> None:
    """Wait until all have ended, and count the trials meanwhile."""
    study = search.study()
    while alive := [process for process in team if process.is_alive()]:
        searching.update(len(study.done()))
        alive[0].join(POLL)


def _worker(search: Search) -> None:
    """`work` in a process of its own, which ends with an exit code."""
    cover()
    with reporting(search.progress, live=False, always=True):
        try:
            work(search, Stage("searching"))
        except KeyboardInterrupt:
            sys.exit(STOPPED)
        except GanvasError as error:
            log.warning(error)
            sys.exit(FAILED)


def work(search: Search, searching: Stage) -> None:
    """One worker: trial after trial.

    Args:
        searching: shows how many are done.
    """
    study = search.study()
    # Each trial builds new graphs; TensorFlow warns of that as of a mistake.
    with (
        study.worker() as name,
        stopping(_interrupt, acknowledge) as stopped,
        quiet("tensorflow"),
    ):
        while not search.over() and (trial := study.ask(search.trials, name, search.over)):
            values = values_of(study.space, trial.params)
            began, before = time.monotonic(), len(study.done())
            searching.update(before)

            def share_done(part: float, before: int = before) -> None:
                searching.update(before, part=part)

            outcome = outcome_of(search, study, trial, values, share_done)
            with building():  # which puts back what else is cleared: the caller's policy, seeds
                keras.backend.clear_session()
            seconds = time.monotonic() - began
            say(f"trial {trial.number}: {outcome} in {seconds:.0f} s ({summary(values)})")
            if stopped():
                raise KeyboardInterrupt


def acknowledge() -> None:
    """Answer the first signal."""
    log.warning("stopping when the state of this trial is saved; Ctrl-C again stops at once")


def _interrupt() -> None:
    """Python ignores an exception in a destructor, and between two trials many objects are
    destroyed: `stopping` remembers the signal."""
    raise KeyboardInterrupt
