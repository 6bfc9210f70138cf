"""Remedies, as changes of a recipe: only where it departs from what is known to work."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..config import Config, load_recipe, recipe_names
from ..errors import ConfigError
from .diseases import DISEASES

Values = dict[str, Any]
KEPT = ("kimg", "epochs", "tick_kimg", "seed", "batch", "discriminator_steps",
        "steps_per_execution", "jit", "precision", "heal")  # fmt: skip
"""What a run is counted in and computed with, which no cure changes."""
RATE, SLOWEST, FASTEST = 1e-3, 2e-4, 2e-3
SLOPES = ("r1", "r2", "gradient", "dragan")


@dataclass(frozen=True)
class Cure:
    """Values to set, by dotted key. `anew`: the networks change, so learning starts again."""

    values: Values
    costs: str
    anew: bool

    @property
    def words(self) -> tuple[str, ...]:
        """KEY=VALUE for --set, ready to paste between single quotes."""
        return tuple(f"{key}={_toml(value)}" for key, value in self.values.items())


def cures_of(disease: str, config: Config, anew: bool = False) -> list[Cure]:
    """What to try against a disease of this recipe, the first thing first.

    Remedies that the recipe takes already are left out, and so are cures of which nothing is left.

    Args:
        anew: learning starts again in any case, so that new networks cost nothing: all but the
            last cure are taken at once.
    """
    *first, last = DISEASES[disease].cures
    if anew and first:
        first = [tuple(name for names in first for name in names)]
    found = []
    for remedies in (*first, last):
        values: Values = {}
        costs = []
        for remedy in (REMEDIES[name] for name in remedies):
            changed = remedy.change(config)
            values |= changed
            costs += [remedy.costs] * bool(changed)
        if values and _accepted(config, values):
            networks = any(key.startswith("networks") for key in values)
            found.append(Cure(values, "; ".join(dict.fromkeys(costs)), networks))
    return found


def _accepted(config: Config, values: Values) -> bool:
    """Whether the recipe takes them: a private one refuses what reaches the images bare."""
    try:
        config.with_values(values)
    except ConfigError:
        return False
    return True


def next_cure(
    disease: str, config: Config, taken: Sequence[Sequence[str]], anew: bool
) -> Cure | None:
    """The first cure whose words were not taken yet, if any is left."""
    cures = cures_of(disease, config, anew)
    return next((cure for cure in cures if cure.words not in map(tuple, taken)), None)


@dataclass(frozen=True)
class Remedy:
    """`change`: a recipe -> the values to set, none where it needs none."""

    change: Callable[[Config], Values]
    costs: str


def rates(config: Config) -> Values:
    """Two time-scales and a memory that are known to work: the recipe's own, or those of
    Heusel et al. 2017, arXiv:1706.08500."""
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
    """Half the rates, where nothing else is to be said against a recipe."""
    train = config.train
    values: Values = {"train.learning_rate": train.learning_rate / 2}
    if train.discriminator_learning_rate:
        values["train.discriminator_learning_rate"] = train.discriminator_learning_rate / 2
    return values


def slope(config: Config) -> Values:
    """A bound on the discriminator's slope: the recipe's own, with the loss it goes with, or what
    suits the loss, see docs/theory."""
    bounded = config.train.clip or _dcgan(config).get("discriminator_norm") == "spectral"
    if bounded or any(_name(penalty) in SLOPES for penalty in config.penalties):
        return {}
    loss = _name(config.loss)
    own = proven(config).model_dump()
    bounds = [penalty for penalty in own["penalties"] if _name(penalty) in SLOPES]
    if not config.train.burn_in_kimg:
        bounds = [{k: v for k, v in penalty.items() if k != "start"} for penalty in bounds]
    if bounds and ":" not in loss:  # a loss of the user's own stays
        values = {"penalties": [*config.model_dump()["penalties"], *bounds]}
        return values if loss == _name(own["loss"]) else values | {"loss": own["loss"]}
    if loss == "wasserstein":
        penalty = [{"name": "gradient", "weight": 10.0}]
    elif loss.startswith("relativistic"):
        penalty = [{"name": "r1", "weight": 1.0}, {"name": "r2", "weight": 1.0}]
    else:
        penalty = [{"name": "r1", "weight": 0.1, "every": 4}]
    return {"penalties": [*config.model_dump()["penalties"], *penalty]}


def loss(config: Config) -> Values:
    """The generator's gradient must not fade where it fails."""
    if _name(config.loss) != "saturating":
        return {}
    own = _name(proven(config).loss)
    return {"loss": "nonsaturating" if own == "saturating" else own}


def normalise(config: Config) -> Values:
    return {"networks.norm": "batch"} if _dcgan(config).get("norm") == "none" else {}


def minibatch(config: Config) -> Values:
    return {"networks.minibatch": "std"} if _dcgan(config).get("minibatch") == "none" else {}


def capacity(config: Config) -> Values:
    """A generator no smaller than any recipe's."""
    least = {"width": 32, "noise": 64}
    part = _dcgan(config)
    return {f"networks.{k}": v for k, v in least.items() if part and part[k] < v // 2}


def augment(config: Config) -> Values:
    return {} if config.augment else {"augment": {"name": "diff"}}


def average(config: Config) -> Values:
    return {} if config.train.ema_kimg else {"train.ema_kimg": 10.0}


def quick(config: Config) -> Values:
    """All of the default recipe but what the run is counted in."""
    base, now = load_recipe("quick").model_dump(), config.model_dump()
    values = {key: base[key] for key in ("loss", "penalties", "networks")}
    values = {key: value for key, value in values.items() if not _holds(now[key], value)}
    for key, value in base["train"].items():
        if key not in KEPT and now["train"][key] != value and value is not None:
            values[f"train.{key}"] = value
    return values


def _holds(now: Any, wanted: Any) -> bool:
    """Whether a part that may have more written out is the one that is wanted."""
    if isinstance(wanted, list):
        return len(now) == len(wanted) and all(map(_holds, now, wanted))
    if isinstance(wanted, str):
        return _name(now) == wanted
    return isinstance(now, dict) and all(now.get(key) == value for key, value in wanted.items())


def proven(config: Config) -> Config:
    """The recipe of the package that this one was made from; itself, if from none."""
    return load_recipe(config.recipe) if config.recipe in recipe_names() else config


REMEDIES = {
    "rates": Remedy(rates, "nothing"),
    "slower": Remedy(slower, "as many images again for the same progress"),
    "slope": Remedy(slope, "a quarter to a half more time a step"),
    "loss": Remedy(loss, "nothing"),
    "normalise": Remedy(normalise, "learning starts anew; a little more time a step"),
    "minibatch": Remedy(minibatch, "learning starts anew; nearly no time"),
    "capacity": Remedy(capacity, "learning starts anew; more time a step"),
    "augment": Remedy(augment, "a tenth more time a step; blurs what is learnt if images are many"),
    "average": Remedy(average, "nothing"),
    "quick": Remedy(quick, "learning starts anew with the default recipe's game and networks"),
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
    """A value as --set takes it: inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_toml(v)}" for key, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
