"""The search space: ranges and lists by dotted key, declared in the recipe or around its values."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..config import Config, Range
from ..config.build import complete
from ..errors import ConfigError
from ..gan.augment import AUGMENTS, Augment
from ..gan.losses import LOSSES, Loss
from ..gan.networks import NETWORKS, Networks
from ..gan.penalties import PENALTIES, Penalty
from ..training.assembly import import_own_parts, parts_of

if TYPE_CHECKING:
    import optuna

Space = Mapping[str, Range | list[Any]]
FACTOR = 10.0
"""Without [tune], values are searched from a tenth to ten times the recipe's."""


def space_of(config: Config) -> dict[str, Range | list[Any]]:
    """The recipe's [tune]. Without it: both learning rates and the penalties' weights, from a
    tenth to ten times the recipe's values, and beta1.

    Raises: ConfigError: a key or a value that the recipe would not accept.
    """
    import_own_parts(config)
    space = dict(config.tune) or _around(config)
    for key, values in space.items():
        for value in values if isinstance(values, list) else (values.low, values.high):
            try:
                trial = config.with_values({key: value})
                import_own_parts(trial)
                parts_of(trial)
            except ConfigError as error:
                raise ConfigError(f"[tune] {key}: {error}") from error
    return space


def _around(config: Config) -> dict[str, Range | list[Any]]:
    train = config.train
    rates = {
        "train.learning_rate": train.learning_rate,
        "train.discriminator_learning_rate": (
            train.discriminator_learning_rate or train.learning_rate
        ),
    }
    space: dict[str, Range | list[Any]] = {key: _decades(rate) for key, rate in rates.items()}
    if train.optimizer == "adam":
        space["train.beta1"] = sorted({0.0, 0.5, train.beta1})
    for penalty in config.penalties:
        about = complete("penalty", penalty, PENALTIES, Penalty)
        if about.get("weight"):
            space[f"penalties.{about['name']}.weight"] = _decades(about["weight"])
    return space


def _decades(value: float) -> Range:
    return Range(low=value / FACTOR, high=value * FACTOR, log=True)


def distributions(space: Space) -> dict[str, optuna.distributions.BaseDistribution]:
    """The space for Optuna, whose choices must be scalars: others become JSON."""
    return {key: _distribution(values) for key, values in space.items()}


def _distribution(values: Range | list[Any]) -> optuna.distributions.BaseDistribution:
    import optuna

    if isinstance(values, list):
        return optuna.distributions.CategoricalDistribution([_scalar(value) for value in values])
    if isinstance(values.low, int) and isinstance(values.high, int):
        return optuna.distributions.IntDistribution(values.low, values.high, log=values.log)
    return optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)


def _scalar(value: Any) -> str | int | float | bool:
    return value if isinstance(value, (str, int, float)) else json.dumps(value)


def combinations(space: Space, most: int = 10_000) -> list[dict[str, Any]]:
    """All combinations, up to `most`; none if the space has a real number."""
    axes: list[Sequence[Any]] = []
    for values in space.values():
        if isinstance(values, list):
            axes.append([_scalar(value) for value in values])
        elif isinstance(values.low, int) and isinstance(values.high, int):
            axes.append(range(values.low, values.high + 1))
        else:
            return []
    found = itertools.islice(itertools.product(*axes), most)
    return [dict(zip(space, one, strict=True)) for one in found]


def values_of(space: Space, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters chosen by Optuna -> recipe values by dotted key."""
    chosen = {}
    for key, parameter in parameters.items():
        options = space[key]
        if isinstance(options, list):
            chosen[key] = next(value for value in options if _scalar(value) == parameter)
        else:
            chosen[key] = parameter
    return chosen


def parameters_of(space: Space, config: Config) -> dict[str, Any] | None:
    """The recipe's own values as Optuna's parameters; None if they are outside the space."""
    own = _completed(config)
    found: dict[str, Any] = {}
    for key, options in space.items():
        if isinstance(options, list):  # the same part may be written as a name or as a table
            same = [one for one in options if _completed(config.with_values({key: one})) == own]
            if not same:
                return None
            found[key] = _scalar(same[0])
        else:
            value = _value(own, key)
            if not isinstance(value, (int, float)) or not options.low <= value <= options.high:
                return None
            found[key] = value
    return found


def _completed(config: Config) -> dict[str, Any]:
    """A recipe's values with all defaults of its parts."""
    tree = config.model_dump()
    train = tree["train"]
    train["discriminator_learning_rate"] = (
        train["discriminator_learning_rate"] or train["learning_rate"]
    )
    tables: tuple[tuple[str, Mapping[str, type], type], ...] = (
        ("loss", LOSSES, Loss), ("augment", AUGMENTS, Augment), ("networks", NETWORKS, Networks)
    )  # fmt: skip
    for kind, table, base in tables:
        if tree[kind]:
            tree[kind] = complete(kind, tree[kind], table, base)
    tree["penalties"] = [complete("penalty", one, PENALTIES, Penalty) for one in tree["penalties"]]
    return tree


def _value(tree: Any, key: str) -> Any:
    """The value of a dotted key in a completed recipe; None if there is none."""
    for name in key.split("."):
        if isinstance(tree, list):
            tree = next((table for table in tree if table["name"] == name), None)
        else:
            tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def digest(values: Mapping[str, Any]) -> str:
    """A name for values; it does not depend on their order."""
    content = json.dumps(values, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def summary(values: Mapping[str, Any]) -> str:
    """Values on one line, without their sections."""
    return ", ".join(f"{k.partition('.')[2] or k} {text(v)}" for k, v in values.items())


def text(value: Any) -> str:
    """A value for a reader: "r1 weight 0.1" for a part, "none" for no parts."""
    if isinstance(value, list):
        return " + ".join(map(text, value)) or "none"
    if isinstance(value, dict):
        rest = (f" {key} {text(one)}" for key, one in value.items() if key != "name")
        return "".join([str(value.get("name", "")), *rest])
    return f"{value:.3g}" if isinstance(value, float) else str(value)
