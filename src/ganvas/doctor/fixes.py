"""Fixes: changes to a recipe where its values differ from tested ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..config import Config, load_recipe, recipe_names
from ..errors import ConfigError
from .failures import FAILURES

Values = dict[str, Any]
KEPT = ("kimg", "epochs", "tick_kimg", "seed", "batch", "discriminator_steps",
        "shared_fakes", "steps_per_execution", "jit", "precision", "heal")  # fmt: skip
"""Values of [train] that no fix changes: length, seed, batch, and how it is computed."""
RATE, SLOWEST, FASTEST = 1e-3, 2e-4, 2e-3
SLOPES = ("r1", "r2", "gradient", "dragan")
FLATTENING = ("r1", "r2")
ANNEALED, DECAYED = 0.1, 0.02
"""Penalties' weights and learning rates at the end of a run, over those at its start. Of weights:
Huang et al. 2024, arXiv:2501.05441, table 9."""


@dataclass(frozen=True)
class Fix:
    """Changes to a recipe.

    Attributes:
        values: by dotted key.
        costs: in time or training.
        anew: the networks change, so training starts again.
    """

    values: Values
    costs: str
    anew: bool

    @property
    def settings(self) -> tuple[str, ...]:
        """KEY=VALUE for --set, to be quoted by single quotes."""
        return tuple(f"{key}={_toml(value)}" for key, value in self.values.items())


def fixes_of(failure: str, config: Config, anew: bool = False) -> list[Fix]:
    """Fixes of a failure for this recipe, in the order in which to try them.

    Changes that the recipe already has are left out, and so are fixes without any change.

    Args:
        anew: training starts again in any case, so that new networks cost nothing: all fixes but
            the last are combined.
    """
    *first, last = FAILURES[failure].fixes
    if anew and first:
        first = [tuple(name for names in first for name in names)]
    found = []
    for names in (*first, last):
        values: Values = {}
        costs = []
        for change in (CHANGES[name] for name in names):
            changed = change.values(config)
            values |= changed
            costs += [change.costs] * bool(changed)
        if values and _accepted(config, values):
            networks = any(key.startswith("networks") for key in values)
            found.append(Fix(values, "; ".join(dict.fromkeys(costs)), networks))
    return found


def _accepted(config: Config, values: Values) -> bool:
    """Whether the recipe accepts them: a private one refuses some losses and penalties."""
    try:
        config.with_values(values)
    except ConfigError:
        return False
    return True


def next_fix(
    failure: str, config: Config, applied: Sequence[Sequence[str]], anew: bool
) -> Fix | None:
    """The first fix whose settings were not applied yet; None if there is none."""
    fixes = fixes_of(failure, config, anew)
    return next((fix for fix in fixes if fix.settings not in map(tuple, applied)), None)


@dataclass(frozen=True)
class Change:
    """`values`: a recipe -> values to set; empty if it needs no change."""

    values: Callable[[Config], Values]
    costs: str


def rates(config: Config) -> Values:
    """Learning rates and beta1 that are known to work: the tested recipe's, or the two time-scales
    of Heusel et al. 2017, arXiv:1706.08500."""
    train = config.train
    if train.optimizer != "adam":
        return {}
    generator = train.learning_rate
    discriminator = train.discriminator_learning_rate or generator
    values: Values = {}
    if not (SLOWEST <= generator <= FASTEST and generator <= discriminator <= 4 * generator):
        own = proven(config).train
        pair = own.learning_rate, own.discriminator_learning_rate or own.learning_rate
        if own.optimizer != "adam" or pair == (generator, discriminator):
            pair = RATE, 2 * RATE
        values["train.learning_rate"], values["train.discriminator_learning_rate"] = pair
    if train.beta1 > 0.5:
        values["train.beta1"] = 0.5
    return {key: value for key, value in values.items() if _now(config, key) != value}


def slower(config: Config) -> Values:
    """Half the learning rates, if no value of the recipe is suspicious."""
    train = config.train
    values: Values = {"train.learning_rate": train.learning_rate / 2}
    if train.discriminator_learning_rate:
        values["train.discriminator_learning_rate"] = train.discriminator_learning_rate / 2
    return values


def slope(config: Config) -> Values:
    """A gradient penalty: that of the tested recipe, with its loss, or one that suits the loss; see
    docs/theory."""
    bounded = config.train.clip or _dcgan(config).get("discriminator_norm") == "spectral"
    if bounded or any(_name(penalty) in SLOPES for penalty in config.penalties):
        return {}
    loss = _name(config.loss)
    own = proven(config).model_dump()
    bounds = [penalty for penalty in own["penalties"] if _name(penalty) in SLOPES]
    if bounds and ":" not in loss:  # a loss of the user's own is kept
        values = {"penalties": [*config.model_dump()["penalties"], *bounds]}
        if own["train"]["burn_in"] and not config.train.burns_in:
            values["train.burn_in"] = own["train"]["burn_in"]
        return values if loss == _name(own["loss"]) else values | {"loss": own["loss"]}
    if loss == "wasserstein":
        penalty = [{"name": "gradient", "weight": 10.0}]
    elif loss.startswith("relativistic"):
        penalty = [{"name": "r1", "weight": 1.0}, {"name": "r2", "weight": 1.0}]
    else:
        penalty = [{"name": "r1", "weight": 0.1, "every": 4}]
    return {"penalties": [*config.model_dump()["penalties"], *penalty]}


def anneal(config: Config) -> Values:
    """R1, R2 and learning rates that fall over the whole run."""
    values: Values = {}
    if config.train.burn_in < 1:
        values = _weights(
            config, lambda p: {"start": p["weight"], "weight": ANNEALED * p["weight"]}
        )
        values |= {"train.burn_in": 1.0} if values else {}
    if config.train.decay == "none":
        values |= {"train.decay": "cosine", "train.decay_to": DECAYED}
    return values


def lighter(config: Config) -> Values:
    """A quarter of the weights of R1 and R2."""
    names = ("weight", "start")
    return _weights(config, lambda p: {k: p[k] / 4 for k in names if p.get(k) is not None})


def _weights(config: Config, change: Callable[[Values], Values]) -> Values:
    """The penalties, with other weights of R1 and R2; empty if there is neither."""
    penalties = config.model_dump()["penalties"]
    for penalty in (own := [p for p in penalties if _name(p) in FLATTENING]):
        penalty |= {key: float(f"{value:.4g}") for key, value in change(penalty).items()}
    return {"penalties": penalties} if own else {}


def loss(config: Config) -> Values:
    """A loss whose gradient does not vanish if the discriminator rejects the fakes."""
    if _name(config.loss) != "saturating":
        return {}
    own = _name(proven(config).loss)
    return {"loss": "nonsaturating" if own == "saturating" else own}


def normalise(config: Config) -> Values:
    return {"networks.norm": "batch"} if _dcgan(config).get("norm") == "none" else {}


def minibatch(config: Config) -> Values:
    return {"networks.minibatch": "std"} if _dcgan(config).get("minibatch") == "none" else {}


def capacity(config: Config) -> Values:
    """A generator that is not smaller than that of any tested recipe."""
    least = {"width": 32, "noise": 64}
    part = _dcgan(config)
    return {f"networks.{k}": v for k, v in least.items() if part and part[k] < v // 2}


def augment(config: Config) -> Values:
    return {} if config.augment else {"augment": {"name": "diff"}}


def average(config: Config) -> Values:
    return {} if config.train.ema_kimg else {"train.ema_kimg": 10.0}


def quick(config: Config) -> Values:
    """All values of the default recipe, except KEPT."""
    base, now = load_recipe("quick").model_dump(), config.model_dump()
    values = {key: base[key] for key in ("loss", "penalties", "networks")}
    values = {key: value for key, value in values.items() if not _holds(now[key], value)}
    for key, value in base["train"].items():
        if key not in KEPT and now["train"][key] != value and value is not None:
            values[f"train.{key}"] = value
    return values


def _holds(now: Any, wanted: Any) -> bool:
    """Whether a part is the wanted one, with or without its defaults."""
    if isinstance(wanted, list):
        return len(now) == len(wanted) and all(map(_holds, now, wanted))
    if isinstance(wanted, str):
        return _name(now) == wanted
    return isinstance(now, dict) and all(now.get(key) == value for key, value in wanted.items())


def proven(config: Config) -> Config:
    """The recipe of the package that this one is based on; itself if there is none."""
    return load_recipe(config.recipe) if config.recipe in recipe_names() else config


CHANGES = {
    "rates": Change(rates, "nothing"),
    "slower": Change(slower, "twice as many images for the same progress"),
    "slope": Change(slope, "25 to 50 % more time per step"),
    "loss": Change(loss, "nothing"),
    "normalise": Change(normalise, "training starts again; slightly more time per step"),
    "minibatch": Change(minibatch, "training starts again; nearly no time"),
    "capacity": Change(capacity, "training starts again; more time per step"),
    "augment": Change(augment, "10 % more time per step; worse images if there are many images"),
    "average": Change(average, "nothing"),
    "anneal": Change(anneal, "nothing"),
    "lighter": Change(lighter, "nothing"),
    "quick": Change(quick, "training starts again with the default recipe's training and networks"),
}


def _dcgan(config: Config) -> Values:
    part = config.networks if isinstance(config.networks, dict) else {"name": config.networks}
    defaults = {"norm": "batch", "minibatch": "none", "width": 32, "noise": 64,
                "discriminator_norm": "none"}  # fmt: skip
    return {**defaults, **part} if part.get("name") == "dcgan" else {}


def _now(config: Config, key: str) -> Any:
    section, _, name = key.partition(".")
    return getattr(getattr(config, section), name)


def _name(part: Any) -> str:
    return part if isinstance(part, str) else part["name"]


def _toml(value: Any) -> str:
    """A value for --set: inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_toml(v)}" for key, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
