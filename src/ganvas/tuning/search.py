"""The search: how many trials, by whom, until when."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..base.logs import quiet
from ..base.signals import stopping
from ..config import Config, load_recipe
from ..data import Images
from ..data.listing import held_count
from ..errors import Advice, GanvasError, RunError, UsageError
from ..evaluation.reference import FEWEST, reference_images
from ..training.train import prepare
from .session import Search
from .space import digest, in_words, space_of, values_of
from .trial import outcome_of
from .verdict import conclude

SCORINGS = 8
"""Times that a trial is scored: as often it can be pruned."""
RETRIES = 3
"""Times that dead workers are replaced."""
STOPPED, FAILED = 130, 2
"""Exit codes of workers: Ctrl-C, and what others would fail at, too."""


def tune(
    data: Any,
    recipe: str | os.PathLike | Config = "quick",
    *,
    trials: int = 20,
    hours: float | None = None,
    study: str | os.PathLike | None = None,
    workers: int = 1,
    overrides: Mapping[str, Any] | None = None,
    repeats: int = 3,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Search the values that a recipe declares in [tune] for those that suit these images.

    Each trial is a run of the recipe's length with its own values; what counts is the score of
    its last generator on held-out images, or on training images where too few are held out (it
    warns of that, and "against" says which). A trial is stopped early when it is worse than the
    median of the others at the same point, or when the doctor is certain of a disease. In the
    end the best and the recipe as it was are trained anew with other seeds.

    Args:
        data: as for `train`.
        recipe: as for `train`; its length is that of every trial.
        trials: how many in all, those of an earlier call among them.
        hours: no trial goes on after so long; the same call later goes on with it.
        study: a file, or the address of a database that Optuna knows and workers on other
            machines share; default tune-RECIPE.db. What is trained lies beside it.
        workers: processes of this machine.
        overrides: recipe values to change, by dotted key.
        repeats: seeds of the honest comparison; 0: none.
        seed: of the choices.
        progress: a line per trial on standard error.

    Returns: what tune.json holds; beside it are best.toml and report.html.
    Raises: UsageError: nothing to search, another search in `study`, or no trial that trained.
    """
    if trials < 1 or workers < 1 or repeats < 0 or (hours is not None and not hours > 0):
        raise UsageError(
            f"trials = {trials}, workers = {workers}, repeats = {repeats}, hours = {hours}: "
            "give at least one trial, one worker, no fewer than 0 repeats, and hours above 0"
        )
    own = (recipe if isinstance(recipe, Config) else load_recipe(recipe)).with_values(
        overrides or {}
    )
    settled, source = prepare(data, own, None)
    length = {"train.epochs": None, "train.kimg": settled.train.kimg}
    config = own.with_values(length).with_values(_scored(own, settled.train.kimg))
    place = os.fspath(study or f"tune-{config.recipe}.db")
    about = {**_searched(config), "seed": seed, "images": source.fingerprint}
    end = float("inf") if hours is None else time.time() + 3600 * hours
    word = settled.data.source or data
    against = _against(source)
    del source
    search = Search(
        word, own, config, place, _folder(place), about, against, trials, end, seed, progress
    )
    shared = search.study()
    shared.start_with(config)
    _work(search, workers)
    return conclude(search, shared, repeats)


def _folder(place: str) -> Path:
    """Where the runs of a study lie: beside its file, or here where it is a database."""
    file = Path(place.partition("?")[0].rpartition("/")[2]) if "://" in place else Path(place)
    return (file.parent / f"{file.stem}-study").absolute()


def _against(source: Images) -> str:
    """Which images trials are scored against; warns where these are learnt from, too."""
    images, word = reference_images(source)
    if images is source:
        warnings.warn(_too_few(source), Advice, stacklevel=3)
    return word


def _too_few(source: Images) -> str:
    """What it means that too few images are held out, and what would hold out enough."""
    held, ascending = source.held_out(), np.sort(source.hashes)
    shares = (percent / 100 for percent in range(1, 51))
    enough = next((share for share in shares if held_count(ascending, share) >= FEWEST), None)
    way = f"--set data.holdout={enough}" if enough else "give more images, 200 or above"
    return (
        f"{held.count if held else 0} images are held out, where {FEWEST} are needed to judge by: "
        f"training images take their place, which favours values that copy them; {way}"
    )


def _searched(config: Config) -> dict[str, Any]:
    """What is searched, for a study that goes on to be held against."""
    space = {k: v if isinstance(v, list) else v.model_dump() for k, v in space_of(config).items()}
    values = config.with_values({"data.source": ""}).model_dump()
    return {"recipe": config.recipe, "kimg": config.train.kimg, "space": space,
            "recipe values": digest(values)}  # fmt: skip


def _scored(config: Config, kimg: float) -> dict[str, Any]:
    """Ticks short enough to score, and so to prune, and signals for the doctor."""
    times = max(config.scores.times, SCORINGS)
    tick = min(config.train.tick_kimg, kimg / times)
    return {"scores.times": times, "train.tick_kimg": tick, "watch.signals": True,
            "watch.tensorboard": False, "watch.grids": 1}  # fmt: skip


def _work(search: Search, workers: int) -> None:
    """Until enough trials are done, in this process or in others."""
    if workers == 1:
        work(search)
        return
    # Spawned, not forked: TensorFlow does not survive a fork.
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))
    for _ in range(1 + RETRIES):
        team = [context.Process(target=_worker, args=(search,)) for _ in range(workers)]
        for process in team:
            process.start()
        try:
            for process in team:
                process.join()
        finally:
            for process in team:  # Ctrl-C went to them, too: their trials are being saved
                process.join()
        codes = {process.exitcode for process in team}
        if STOPPED in codes:
            raise KeyboardInterrupt
        if codes & {FAILED, 1}:
            raise RunError("a worker cannot go on, for what it said above: mend that and go on")
        if codes == {0}:
            return
        sys.stderr.write("note: a worker died; its trial goes on\n")
    raise RunError(f"workers died {1 + RETRIES} times: see what they said above")


def _worker(search: Search) -> None:
    """`work` as a process of its own, whose last word is an exit code."""
    try:
        work(search)
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except GanvasError as error:
        sys.stderr.write(f"note: {error}\n")
        sys.exit(FAILED)


def work(search: Search) -> None:
    """One worker: trial after trial."""
    study = search.study()
    # Each trial has graphs of its own, which TensorFlow takes for a mistake: it is kept quiet.
    with study.worker() as name, stopping(_interrupt) as stopped, quiet("tensorflow"):
        while not search.over() and (trial := study.ask(search.trials, name, search.over)):
            values = values_of(study.space, trial.params)
            began = time.monotonic()
            outcome = outcome_of(search, study, trial, values)
            keras.backend.clear_session()
            if search.aloud:
                seconds, words = time.monotonic() - began, in_words(values)
                sys.stderr.write(f"trial {trial.number}: {outcome} in {seconds:.0f} s ({words})\n")
            if stopped():
                raise KeyboardInterrupt


def _interrupt() -> None:
    """Python drops an interrupt that falls into the freeing of an object, and between two trials
    many are freed: `stopping` remembers that it came."""
    raise KeyboardInterrupt
