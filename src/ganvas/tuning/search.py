"""`tune`: search over the values of a recipe."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..base import extras
from ..base.progress import reported
from ..config import Config, load_recipe
from ..data import Images
from ..data.listing import held_count
from ..errors import Advice, UsageError
from ..evaluation.base import FEWEST_HELD
from ..evaluation.reference import reference_images
from ..reports.language import chosen
from ..training.preparing import prepare
from .result import TuningResult
from .session import Search
from .space import digest, space_of

SCORINGS = 8
"""How often a trial is scored; at each scoring it can be stopped early."""


@reported
def tune(
    data: Any,
    recipe: str | os.PathLike[str] | Config = "quick",
    *,
    trials: int = 20,
    hours: float | None = None,
    study: str | os.PathLike[str] | None = None,
    workers: int = 1,
    overrides: Mapping[str, Any] | None = None,
    repeats: int = 3,
    seed: int = 0,
    progress: bool = True,
    lang: str = "",
) -> TuningResult:
    """Search the values that a recipe declares in [tune] for those that suit these images.

    Each trial is a run of the recipe's length with its own values. It is judged by the score of
    its last generator on held-out images, or on training images if too few are held out (with a
    warning; `against` in the result). A trial is stopped early if it is worse than the median of
    the others at the same point, or if the doctor reports a certain failure. At the end the best
    values and the recipe's own are trained again with other seeds.

    Args:
        data: as for `train`.
        recipe: as for `train`; its length is the length of each trial.
        trials: their total number, including those of earlier calls.
        hours: time limit; the same call continues the search later.
        study: a file, or the address of a database that workers on other machines can reach;
            default tune-RECIPE.db. The runs are in a folder next to it.
        workers: processes on this machine.
        overrides: recipe values to change, by dotted key.
        repeats: seeds for retraining the best and the default; 0: none.
        seed: of the sampler of values.
        progress: write a line per trial to standard error.
        lang: language of the report, "en" or "zh"; "": by GANVAS_LANG, else en.

    Raises:
        UsageError: wrong arguments; `study` holds another search; no trial was trained to its end;
            Optuna is not installed (MissingExtra).
    """
    _check(trials, workers, repeats, hours, lang)
    from .verdict import conclude
    from .workers import run_trials

    own = _own(recipe, overrides or {})
    settled, source = prepare(data, own, None)
    length = {"train.epochs": None, "train.kimg": settled.train.kimg}
    config = own.with_values(length).with_values(_scored(own, settled.train.kimg))
    place = os.fspath(study or f"tune-{config.recipe}.db")
    about = {**_searched(config), "seed": seed, "images": source.fingerprint}
    end = float("inf") if hours is None else time.time() + 3600 * hours
    against = _against(source)
    del source
    name = settled.data.source or data
    search = Search(
        name, own, config, place, _folder(place), about, against, trials, end, seed, progress
    )
    shared = search.study()
    shared.start_with(config)
    run_trials(search, workers)
    return conclude(search, shared, repeats, lang)


def _own(recipe: str | os.PathLike[str] | Config, overrides: Mapping[str, Any]) -> Config:
    known = recipe if isinstance(recipe, Config) else load_recipe(recipe)
    return known.with_values(overrides)


def _check(trials: int, workers: int, repeats: int, hours: float | None, lang: str) -> None:
    """Raises: UsageError: wrong arguments. MissingExtra: Optuna is not installed."""
    chosen(lang)
    extras.check("tune", "ganvas.tune")
    if trials < 1 or workers < 1 or repeats < 0 or (hours is not None and not hours > 0):
        raise UsageError(
            f"trials = {trials}, workers = {workers}, repeats = {repeats}, hours = {hours}: trials "
            "and workers must be >= 1, repeats >= 0, and hours above 0"
        )


def _folder(place: str) -> Path:
    """The folder of the runs: next to the study's file, or in this folder for a database."""
    file = Path(place.partition("?")[0].rpartition("/")[2]) if "://" in place else Path(place)
    return (file.parent / f"{file.stem}-study").absolute()


def _against(source: Images) -> str:
    """Name of the images that trials are scored against; warns if these are training images."""
    images, name = reference_images(source)
    if images is source:
        warnings.warn(_too_few(source), Advice, stacklevel=3)
    return name


def _too_few(source: Images) -> str:
    """The warning that too few images are held out, with the option that holds out enough."""
    held, ascending = source.held_out(), np.sort(source.hashes)
    shares = (percent / 100 for percent in range(1, 51))
    enough = next((share for share in shares if held_count(ascending, share) >= FEWEST_HELD), None)
    remedy = f"use --set data.holdout={enough}" if enough else "give more images, 200 or above"
    return (
        f"{held.count if held else 0} images are held out, {FEWEST_HELD} are needed: training "
        f"images are used instead, which favours values that copy them; {remedy}"
    )


def _searched(config: Config) -> dict[str, Any]:
    """What is searched: an existing study must have the same."""
    space = {k: v if isinstance(v, list) else v.model_dump() for k, v in space_of(config).items()}
    values = config.with_values({"data.source": ""}).model_dump()
    return {"recipe": config.recipe, "kimg": config.train.kimg, "space": space,
            "recipe values": digest(values)}  # fmt: skip


def _scored(config: Config, kimg: float) -> dict[str, Any]:
    """Changes to the recipe: short ticks for early stopping, and signals for the doctor."""
    scores = config.scores.filled  # the same for all trials: nothing depends on their speed
    times = max(scores.times or 0, SCORINGS)
    tick = min(config.train.tick_kimg, kimg / times)
    return {"scores.times": times, "scores.images": scores.images, "train.tick_kimg": tick,
            "watch.signals": True, "watch.grids": 1,
            "watch.loggers": [one for one in config.watch.loggers if one != "tensorboard"],
            }  # fmt: skip
