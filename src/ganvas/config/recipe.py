"""A whole recipe, read from TOML, checked, written out again.

Parts (loss, penalties, networks) are checked against the signature of their constructor when
they are built, see `build.py`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError, field_validator, model_validator

from ..base.types import StrPath
from ..errors import ConfigError, no_such
from .ranges import Range, ranges
from .sections import Data, Export, Gate, Privacy, Scores, Section, Train, Watch
from .sentences import sentence, unknown_key

Part = str | dict[str, Any]
"""A loss, penalty, augmentation or networks: "name", or {"name": "...", argument: value}."""

_INSTEAD: dict[str, dict[str, Any]] = {
    "train.kimg": {"train.epochs": None, "train.minutes": None},
    "train.epochs": {"train.minutes": None},
    "train.minutes": {"train.epochs": None},
    "train.burn_in": {"train.burn_in_kimg": 0.0},
    "train.burn_in_kimg": {"train.burn_in": 0.0},
}
"""Keys that set others to nothing."""
_PARTS = ("networks", "loss", "augment")
"""Keys that name one part."""


class Config(Section):
    """A whole recipe."""

    recipe: str = "custom"
    """Name of the recipe. Unset in a file: the file's name."""
    parent: str = ""
    """Networks to begin from: a pair, a run or a file. `--from` sets it; "": from noise."""
    loss: Part = "nonsaturating"
    """What discriminator and generator minimise."""
    penalties: list[Part] = Field(default_factory=list)
    """Terms that keep the discriminator smooth. A list."""
    augment: Part | None = None
    """Change of every image before the discriminator. Of real images and fakes; unset: none."""
    data: Data = Data()
    networks: Part = "dcgan"
    """The generator and the discriminator."""
    train: Train = Train()
    watch: Watch = Watch()
    scores: Scores = Scores()
    gate: Gate = Gate()
    privacy: Privacy = Privacy()
    export: Export = Export()
    transfer: dict[str, Any] = Field(default_factory=dict)
    """Values for fine-tuning. Where the run begins from other networks, they replace the recipe's:
    dotted key -> value."""
    tune: dict[str, Range | list[Any]] = Field(default_factory=dict)
    """What `ganvas tune` may change. Dotted key -> range, or a list to choose from."""

    @field_validator("tune", mode="before")
    @classmethod
    def _flat(cls, tree: Any) -> Any:
        flat = ranges(tree) if isinstance(tree, dict) else {}
        for key, value in flat.items():
            if not isinstance(value, (dict, list, Range)) or value == []:
                raise ValueError(
                    f"{key} = {value!r} is not a range: write {{low, high}}, or a list"
                )
        return flat if isinstance(tree, dict) else tree

    @model_validator(mode="after")
    def _warmup(self) -> Config:
        if self.train.warmup_kimg and self.train.warmup_kimg >= self.train.kimg:
            raise ValueError(
                f"train.warmup_kimg must be < train.kimg, got {self.train.warmup_kimg:g} and "
                f"{self.train.kimg:g}: the generator would never be trained; shorten the warm-up "
                "or train longer"
            )
        return self

    @model_validator(mode="after")
    def _without_effect(self) -> Config:
        """Refuse a value that has no effect: it is a mistake."""
        train = self.train
        started = [p for p in self.penalties if isinstance(p, dict) and _burns_in(p)]
        late = train.beta2_start is not None
        if (late or started) and not train.burns_in:
            what = "train.beta2_start" if late else f"start of {started[0].get('name')}"
            raise ValueError(f"{what} has no effect without a burn-in: set train.burn_in")
        if train.burn_in and train.burn_in_kimg:
            raise ValueError(
                "train.burn_in and train.burn_in_kimg set the same length: set one of them to 0, "
                f"got {train.burn_in:g} and {train.burn_in_kimg:g}"
            )
        if train.heal and not self.watch.signals:
            raise ValueError("train.heal needs the doctor's signals: set watch.signals = true")
        if train.freeze and not self.parent:
            raise ValueError("train.freeze has no effect from noise: set it to 0, or give --from")
        if train.shared_fakes and train.discriminator_steps > 1:
            turns = train.discriminator_steps
            raise ValueError(f"train.shared_fakes needs discriminator_steps = 1, got {turns}")
        if train.shared_fakes and self.privacy.on:
            raise ValueError("[privacy] draws its own fakes: set train.shared_fakes = false")
        if late and train.optimizer == "rmsprop":
            raise ValueError(
                "train.beta2_start works with adam only: leave it out, or set "
                'train.optimizer = "adam"'
            )
        return self

    @model_validator(mode="after")
    def _private(self) -> Config:
        """Refuse what uses the images other than by clipped gradients."""
        if not self.privacy.on:
            return self
        leaks = {
            "penalties": self.penalties,
            "augment": self.augment,
            "data.clusters": self.data.clusters,
            "data.balanced": self.data.balanced,
            "scores.times": self.scores.times != 0,
            "train.minutes": self.train.minutes,
            "train.heal": self.train.heal,
            "train.jit": self.train.jit,
            "train.burn_in": self.train.burns_in,
        }
        for key, value in leaks.items():
            if value:
                empty = {"penalties": "[]", "train.heal": "false", "train.jit": "false",
                         "data.balanced": "false"}.get(key, "0")  # fmt: skip
                left_out = key in ("augment", "train.minutes")
                way = "leave it out" if left_out else f"set {key} = {empty}"
                raise ValueError(
                    f"{key} uses the images in a way that [privacy] does not protect: {way}, or "
                    "start from recipe dp"
                )
        return self

    def toml(self) -> str:
        """The recipe as TOML, every value written out (unset ones are left out)."""
        return tomli_w.dumps(self.model_dump(exclude_none=True))

    def with_values(self, values: Mapping[str, Any]) -> Config:
        """A copy with dotted keys changed, checked as a whole.

        Raises: ConfigError: an unknown key (the nearest is suggested) or a value out of range.
        """
        tree = self.model_dump()
        for key, value in values.items():
            _put(tree, key, value)
        for key, others in _INSTEAD.items():  # the later value counts
            for other, unset in others.items() if values.get(key) is not None else ():
                if other not in values:
                    _put(tree, other, unset)
        return parse(tree)


class Changed(Config):
    """A recipe that remembers what the caller has changed in it: dotted key -> value."""

    changes: dict[str, Any] = Field(default_factory=dict, exclude=True)


def _burns_in(penalty: dict[str, Any]) -> bool:
    return penalty.get("start") not in (None, penalty.get("weight"))


def parse(tree: Mapping[str, Any]) -> Config:
    """A recipe from nested values. Raises ConfigError in one sentence."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(sentence(error, known_keys())) from error


def recipe_names() -> list[str]:
    """The names of the recipes in the package."""
    files = resources.files("ganvas.recipes").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def recipe_text(name: StrPath) -> str:
    """The TOML of a recipe in the package, or of a file whose name ends in .toml."""
    name = os.fspath(name)
    if name.endswith(".toml"):
        try:
            return Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"recipe file {name} cannot be read ({error.strerror}): give the path of a "
                f"TOML file or one of {', '.join(recipe_names())}"
            ) from error
    if name not in recipe_names() and Path(f"{name}.toml").is_file():
        raise ConfigError(f"unknown recipe '{name}': did you mean the file {name}.toml? Write that")
    if name not in recipe_names():
        raise ConfigError(no_such("recipe", name, recipe_names()))
    return (resources.files("ganvas.recipes") / f"{name}.toml").read_text(encoding="utf-8")


def recipe_header(name: str) -> dict[str, str]:
    """The comment lines `# key: value` at the top of a recipe: what, command, cost, score."""
    header = {}
    for line in recipe_text(name).splitlines():
        if line.startswith("#:schema"):
            continue
        if not line.startswith("# "):  # a bare "#" separates the header from remarks
            break
        key, _, value = line.lstrip("# ").partition(": ")
        header[key] = value
    return header


def load_recipe(name: StrPath) -> Config:
    """A recipe by its name in the package, or from a TOML file."""
    try:
        tree = tomllib.loads(recipe_text(name))
    except (ValueError, RecursionError) as error:  # also of a number with thousands of digits
        raise ConfigError(f"{name} is not valid TOML ({error}): correct that line") from error
    return parse({"recipe": Path(name).stem, **tree})


def parse_set(assignments: Iterable[str]) -> dict[str, Any]:
    """`KEY=VALUE` arguments of the command line; a value is TOML, else a string."""
    values = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {assignment}: write KEY=VALUE, such as train.kimg=500")
        try:
            parsed = tomllib.loads(f"value = {text}")
        except tomllib.TOMLDecodeError:
            parsed = {}
        values[key.strip()] = parsed["value"] if len(parsed) == 1 else text
    return values


def _put(root: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    tree: Any = root
    for key in path:
        in_part = path[0] in _PARTS and isinstance(tree, dict) and tree is root[path[0]]
        if in_part:  # networks.dcgan.width
            _check_name(path[0], tree.get("name"), dotted)
            continue
        below = _named(tree, key) if isinstance(tree, list) else tree.get(key)
        if isinstance(below, str) and key in _PARTS:
            below = tree[key] = {"name": below}
        if not isinstance(below, (dict, list)):
            raise ConfigError(unknown_key(dotted, known_keys()))
        tree = below
    if isinstance(tree, list):
        raise ConfigError(f"{dotted}: write {dotted}.weight, or another argument of that penalty")
    tree[last] = value


def _check_name(kind: str, name: Any, dotted: str) -> None:
    """Raises: ConfigError: the key names another part than the recipe has."""
    _, named, *rest = dotted.split(".")
    if named != name:
        raise ConfigError(
            f"unknown key '{dotted}': this recipe has {kind} = {name}; set "
            f"{'.'.join((kind, *rest))}, or first {kind}={named}"
        )


def _named(penalties: list[Part], name: str) -> dict[str, Any]:
    """The penalty of this name, as a table. Raises: ConfigError: the recipe has none."""
    tables = [{"name": part} if isinstance(part, str) else part for part in penalties]
    for index, table in enumerate(tables):
        if table.get("name") == name:
            penalties[index] = table
            return table
    names = [str(table.get("name")) for table in tables]
    if not names:
        raise ConfigError(
            f"penalties.{name}: this recipe has no penalties; add one, such as "
            "--set 'penalties=[{name = \"r1\", weight = 0.1}]'"
        )
    raise ConfigError(no_such("penalty of this recipe", name, names))


def known_keys() -> list[str]:
    """The dotted keys of all sections."""
    keys = []
    for name, field in Config.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            keys += [f"{name}.{key}" for key in section.model_fields]
        else:
            keys.append(name)
    return keys
