"""Losses, penalties, augmentations and networks as they describe themselves.

Their docstrings and signatures are read from their source, because importing them imports
TensorFlow, which takes seconds: `ganvas config`, completion and wrong arguments answer at once.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from ..base import plug_ins
from ..base.docstrings import ClassSource, Value, classes, described, names, source_of
from ..config import Config
from ..config.keys import Described, Key, accepted, keys
from ..config.recipe import known_keys
from ..config.sentences import missing_argument, unknown_argument, unknown_key
from ..errors import ConfigError, no_such

TABLES = {
    "loss": ("loss", "losses.py", "LOSSES"),
    "penalties": ("penalty", "penalties.py", "PENALTIES"),
    "augment": ("augment", "augment", "AUGMENTS"),
    "networks": ("networks", "networks", "NETWORKS"),
}
"""Key of the recipe -> kind in messages, file or folder, and the table of names in it."""
_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}


@functools.cache
def catalogue() -> dict[str, dict[str, Described]]:
    """The parts: key of the recipe -> name -> description. Of plug-ins, which are not imported,
    only the package is known."""
    found = {}
    for key, parts in own_parts().items():
        others = plug_ins.found(TABLES[key][0])
        found[key] = parts | {
            name: Described(key, name, f"Plug-in of {plug_ins.described(points[0])}.", "", ())
            for name, points in others.items()
            if name not in parts
        }
    return found


@functools.cache
def own_parts() -> dict[str, dict[str, Described]]:
    """The parts of ganvas itself: key of the recipe -> name -> description."""
    found = {}
    for key, (_, place, table) in TABLES.items():
        home = resources.files(__package__) / place
        files = [home] if home.is_file() else [f for f in home.iterdir() if f.name[-3:] == ".py"]
        known = {name: one for file in files for name, one in classes(_text(file)).items()}
        listed = names(_text(home if home.is_file() else home / "__init__.py"), table)
        found[key] = {name: _described(key, name, known, known[listed[name]]) for name in listed}
    return found


def find(name: str) -> tuple[list[Key], list[Described]]:
    """The keys and the parts that a name means: a key, a section, a part, the last part of a name,
    or else a piece of it.

    Raises: ConfigError: nothing has such a name.
    """
    parts = [part for some in catalogue().values() for part in some.values()]
    everything = [*keys(), *(one for part in parts for one in part.arguments)]
    wanted = _plain(name)
    exact = [one for one in everything if _plain(one.name) == wanted]
    named = [one for one in parts if wanted in map(_plain, (one.full, one.name, one.kind))]
    if exact or named:
        return exact, named
    for chosen in (
        [one for one in everything if _plain(one.section) == wanted],
        [one for one in everything if wanted in (_plain(one.last), _plain(one.settable))],
        [one for one in everything if wanted and wanted in _plain(one.name)],
    ):
        if chosen:
            return chosen, []
    raise ConfigError(unknown_key(name, [one.name for one in everything]))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def check_keys(config: Config, given: Iterable[str]) -> None:
    """Check keys without a section, which may lack it: kimg, width.

    Raises: ConfigError: an unknown one; the sentence suggests keys, and arguments of the parts that
        the recipe has.
    """
    known = known_keys()
    for kind, name, _ in specs(config):
        part = catalogue()[kind].get(name)
        prefix = f"{kind}.{name}" if kind == "penalties" else kind
        known += [f"{prefix}.{one.last}" for one in (part.arguments if part else ())]
    for key in given:
        if "." not in key and key not in Config.model_fields:
            raise ConfigError(unknown_key(key, known))


def check_names(config: Config) -> None:
    """Check the parts that a recipe names, as far as that is possible without importing them.

    Raises: ConfigError: an unknown part, or an argument that its constructor does not take.
    """
    for key, name, spec in specs(config):
        kind, parts = TABLES[key][0], catalogue()[key]
        if not name or ":" in name or _added(key, name):
            continue  # somebody's own part, or no name: `config.build` checks these
        plug_ins.check_clash(kind, name, own_parts()[key])
        if name in plug_ins.found(kind):
            continue  # `config.build` checks its arguments
        if name not in parts:
            raise ConfigError(no_such(kind, name, parts))
        takes = [one.last for one in parts[name].arguments]
        for argument in spec:
            if argument not in ("name", *takes):
                raise ConfigError(unknown_argument(kind, name, argument, takes))
        for one in parts[name].arguments:
            if one.required and one.last not in spec:
                raise ConfigError(missing_argument(kind, name, one.last))


def _added(key: str, name: str) -> bool:
    """Whether somebody's code has added the name to the table of a module, or replaced it there."""
    _, place, table = TABLES[key]
    module = sys.modules.get(f"{__package__}.{place.removesuffix('.py')}")
    part = getattr(module, table, {}).get(name)
    return part is not None and not part.__module__.startswith(f"{__package__}.")


def specs(config: Config) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The parts of a recipe: key, the part's name, its table; "" for a name that is no text."""
    augment = [config.augment] if config.augment else []
    kinds = {"loss": [config.loss], "penalties": config.penalties, "networks": [config.networks]}
    for key, specs in {**kinds, "augment": augment}.items():
        for spec in specs:
            table = {"name": spec} if isinstance(spec, str) else spec
            name = table.get("name")
            yield key, name if isinstance(name, str) else "", table


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


def _described(
    kind: str, name: str, known: Mapping[str, ClassSource], part: ClassSource
) -> Described:
    meaning = " ".join(part.docstring.partition("\n\n")[0].split())
    here = _meanings(known, part)
    taken = _arguments(known, part)
    arguments = tuple(_key(f"{kind}.{name}", one, here.get(one.name, one.meaning)) for one in taken)
    return Described(kind, name, meaning, source_of(part.docstring), arguments)


def _arguments(known: Mapping[str, ClassSource], part: ClassSource) -> tuple[Value, ...]:
    """Of the constructor, which may be a base class's."""
    while part.arguments is None:
        above = [known[base] for base in part.bases if base in known]
        if not above:
            return ()
        part = above[0]
    return part.arguments


def _meanings(known: Mapping[str, ClassSource], part: ClassSource) -> dict[str, str]:
    """The `Args:` of a class; "as in `DCGAN`" is replaced by what is there."""
    meanings = described(part.docstring)
    for name, meaning in meanings.items():
        if other := re.fullmatch(r"as in `(\w+)`\.", meaning):
            meanings[name] = described(known[other[1]].docstring)[name]
    return meanings


def _key(part: str, value: Value, meaning: str) -> Key:
    """A constructor's argument. The words in quotes in its description are those that it accepts,
    unless it takes several of them."""
    meaning = meaning[:1].upper() + meaning[1:]
    schema: dict[str, Any] = {"type": _TYPES.get(value.kind.removesuffix(" | None"), "string")}
    choices = re.findall(r'"([\w-]+)"', meaning)
    if schema["type"] == "string" and value.default in choices:
        schema = {"enum": choices}
    elif "separated by commas" in meaning:
        schema["pattern"] = f"^({'|'.join(choices)})(,({'|'.join(choices)}))*$"
    name = f"{part}.{value.name}"
    return Key(name, meaning, value.default, accepted(schema), schema, value.required)
