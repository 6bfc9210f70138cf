"""The recipe of a training, before its images are read. Needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base import plug_ins
from ..base.types import StrPath
from ..base.workers import task
from ..config import Changed, Config, load_recipe
from ..errors import ConfigError
from ..gan.catalogue import check_keys, check_names
from ..pretrained.cards import beginning
from ..storage.run import Run
from . import loggers
from .deciding import LENGTH, Choice

AUTO = "auto"
"""The recipe that the images decide."""


class Undecided(Changed):
    """A recipe that is chosen when the images are known: it gets the caller's `changes`, too. Until
    then it has the values of `finetune`."""

    @classmethod
    def of(cls, parent: str, changes: Mapping[str, Any]) -> Undecided:
        """Of the networks to begin from and the caller's values. Raises: ConfigError."""
        asked = {"data.flip": AUTO, **changes}
        config = read("finetune", asked, parent).with_values({"recipe": AUTO})
        return cls(**config.model_dump(), changes=asked)

    def with_values(self, values: Mapping[str, Any]) -> Undecided:
        return self.of(self.parent, {**self.changes, **values})

    def decided(self, choice: Choice) -> Config:
        """The chosen recipe. The caller's values come last. Raises: ConfigError."""
        values = dict(choice.values)
        if self.changes.keys() & {"train.kimg", "train.epochs"}:  # its ticks suit its own length
            values = {key: value for key, value in values.items() if key not in LENGTH}
        return read(choice.recipe, {**values, **self.changes}, self.parent)


CHANGEABLE = (
    "train.kimg", "train.epochs", "train.tick_kimg", "train.learning_rate",
    "train.discriminator_learning_rate", "train.decay", "train.decay_to", "train.ema_kimg",
    "train.ema_ramp", "train.heal", "train.jit", "train.steps_per_execution", "train.strategy",
    "watch.", "scores.", "gate.", "privacy.epsilon",
)  # fmt: skip


def read(recipe: StrPath | Config, values: Mapping[str, Any] | None, parent: str = "") -> Config:
    """A recipe from a name, a file or a Config, with changed values.

    Args:
        parent: where the run begins (`pretrained.cards.beginning`). If it is not from noise, the
            recipe's [transfer] applies, and `values` after it.
    """
    config = recipe if isinstance(recipe, Config) else load_recipe(recipe)
    if parent:
        config = config.with_values({**config.transfer, "parent": parent})
    check_keys(config, values or {})
    config = config.with_values(values or {})
    check_names(config)
    loggers.check(config.watch.loggers)
    return config


def choose(
    data: Any,
    recipe: StrPath | Config | None,
    values: Mapping[str, Any] | None,
    start_from: StrPath | None,
    workers: int | None = None,
) -> Config:
    """The recipe of a training. Where none is named, or "auto", one's own images decide (see
    `deciding`), and it begins from the nearest pretrained pair; images that come with a library,
    and runs from noise, take `quick`; from a given beginning it is `finetune`.

    Args:
        workers: processes that train; None: as in TF_CONFIG. Several take `finetune`, because their
            machines may differ.

    Raises: ConfigError, RunError: an unknown recipe, nothing to begin from.
    """
    if isinstance(recipe, str) and recipe == AUTO:
        recipe = None
    if recipe is None and start_from is None and not _is_known(data):
        start_from = AUTO
    parent = beginning(start_from)
    if recipe is None and parent == AUTO and (workers or task()[1]) == 1:
        return Undecided.of(parent, values or {})
    if recipe is None:
        recipe = load_recipe("finetune" if parent else "quick")
        if Path(parent).is_absolute() and Path(parent).is_dir():
            recipe = recipe.with_values({"networks": Run.open(parent).config.networks})
    return read(recipe, values, parent)


def check_changes(run: Run, values: Mapping[str, Any]) -> None:
    """Raises: ConfigError: a key that cannot change in a run that is resumed; UsageError: a logger
    or another plug-in of the run is not installed."""
    plug_ins.check_installed(run.info.get("plug_ins"), run.where)
    check_keys(run.config, values)
    for key in values:
        if not key.startswith(CHANGEABLE):
            can = ", ".join(f"{one}*" if one.endswith(".") else one for one in CHANGEABLE)
            raise ConfigError(
                f"{key} cannot change within a run; these keys can: {can}. For other changes "
                f"start a new run with --from {run.folder}"
            )
    loggers.check(run.config.with_values(values).watch.loggers)


def check_place(run: Run, data: Any) -> None:
    """Raises: RunError: the images of a run that is resumed have moved, and `data` is None."""
    if data is None:
        run.check_place(
            f"name their new place: `ganvas resume {run.where} DATA`, in Python data=DATA"
        )


def _is_known(data: Any) -> bool:
    """Whether images come with a library, or are not given."""
    named = isinstance(data, str) and (data == "mnist" or data.startswith(("keras:", "tfds:")))
    return data is None or named
