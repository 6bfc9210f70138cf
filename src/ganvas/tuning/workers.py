"""Workers of a search: trial after trial, in this process or in others."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time

import keras

from ..base.building import building
from ..base.logs import quiet
from ..base.printing import cover, on_one_line
from ..base.signals import stopping
from ..base.workers import environment
from ..errors import GanvasError, RunError
from .session import Search
from .space import summary, values_of
from .trial import outcome_of

RETRIES = 3
"""How often dead workers are replaced."""
STOPPED, FAILED = 130, 2
"""Exit codes of workers: after Ctrl-C, and after an error that other workers would have, too."""


def run_trials(search: Search, workers: int) -> None:
    """Train trials until there are enough, in this process or in several.

    Raises: RunError: workers failed or died. KeyboardInterrupt: after Ctrl-C.
    """
    if workers == 1:
        work(search)
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
            for process in team:
                process.join()
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
        sys.stderr.write("note: a worker died; its trial is continued\n")
    raise RunError(f"workers died {1 + RETRIES} times: see their messages above")


def _worker(search: Search) -> None:
    """`work` in a process of its own, which ends with an exit code."""
    cover()
    try:
        work(search)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except GanvasError as error:
        sys.stderr.write(f"note: {on_one_line(str(error))}\n")
        sys.exit(FAILED)


def work(search: Search) -> None:
    """One worker: trial after trial."""
    study = search.study()
    # Each trial builds new graphs; TensorFlow warns of that as of a mistake.
    with study.worker() as name, stopping(_interrupt) as stopped, quiet("tensorflow"):
        while not search.over() and (trial := study.ask(search.trials, name, search.over)):
            values = values_of(study.space, trial.params)
            began = time.monotonic()
            outcome = outcome_of(search, study, trial, values)
            with building():  # which puts back what else is cleared: the caller's policy, seeds
                keras.backend.clear_session()
            if search.progress:
                seconds = time.monotonic() - began
                sys.stderr.write(
                    f"trial {trial.number}: {outcome} in {seconds:.0f} s ({summary(values)})\n"
                )
            if stopped():
                raise KeyboardInterrupt


def _interrupt() -> None:
    """Python ignores an exception in a destructor, and between two trials many objects are
    destroyed: `stopping` remembers the signal."""
    raise KeyboardInterrupt
