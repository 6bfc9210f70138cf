"""Every key of a recipe: its meaning, its default and what it accepts.

The meaning is the docstring below the field, in `sections.py` and `recipe.py`; default and range
are those of the field itself. Parts are described by `gan/catalogue.py` in the same form.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..base.docstrings import classes, summary
from . import recipe, sections
from .recipe import Config
from .sections import Section
from .sentences import FORMS
from .toml import toml_value


@dataclass(frozen=True)
class Key:
    """One value that a recipe may set.

    Attributes:
        name: dotted: "train.kimg"; of an argument: "networks.dcgan.width".
        meaning: in one line; the first sentence alone is enough for a list.
        default: None: it is unset, or required.
        accepted: what it accepts, in words: "> 0".
        schema: the same as JSON schema.
    """

    name: str
    meaning: str
    default: Any
    accepted: str
    schema: Mapping[str, Any]
    required: bool = False

    @property
    def last(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    @property
    def section(self) -> str:
        """What stands before the last part: the section, or the part, of an argument."""
        return self.name.rpartition(".")[0]

    @property
    def settable(self) -> str:
        """The key for `--set`: the part of an argument is known, except among penalties."""
        kind, _, rest = self.name.partition(".")
        part_of = kind in ("loss", "augment", "networks") and rest
        return f"{kind}.{self.last}" if part_of else self.name

    @property
    def summary(self) -> str:
        return summary(self.meaning)

    def line(self, whole: bool = False) -> str:
        """The summary, or the whole meaning; and what is accepted unless that is plain."""
        text = (self.meaning if whole else self.summary).removesuffix(".")
        said = self.choices and all(choice in text for choice in self.choices)
        plain = self.accepted in ("text", "a table", "true or false") or said
        return text if plain else f"{text}; {self.accepted}"

    @property
    def choices(self) -> tuple[str, ...]:
        """The accepted words, if it accepts no other value."""
        return tuple(self.schema.get("enum", ()))

    @property
    def shown(self) -> str:
        """The default in words."""
        return "required" if self.required else shown(self.default)

    def to_dict(self) -> dict[str, Any]:
        return {"key": self.name, "meaning": self.meaning, "default": self.default,
                "accepted": self.accepted}  # fmt: skip


@dataclass(frozen=True)
class Described:
    """A part that a recipe may name, as its class describes itself.

    Attributes:
        kind: the key of the recipe that names it: "loss", "penalties", "augment", "networks".
        name: "dcgan".
        meaning: first paragraph of its docstring, in one line.
        source: the paper.
        arguments: of its constructor.
    """

    kind: str
    name: str
    meaning: str
    source: str
    arguments: tuple[Key, ...]

    @property
    def full(self) -> str:
        return f"{self.kind}.{self.name}"

    @property
    def summary(self) -> str:
        return summary(self.meaning)

    def to_dict(self) -> dict[str, Any]:
        return {"part": self.full, "meaning": self.meaning,
                "source": self.source,
                "arguments": [one.to_dict() for one in self.arguments]}  # fmt: skip


@functools.cache
def keys() -> tuple[Key, ...]:
    """All keys, in the order of a recipe: those outside of sections first."""
    top = [(name, field) for name, field in Config.model_fields.items() if not _section(field)]
    found = _keys_of(Config, "", [name for name, _ in top])
    for name, field in Config.model_fields.items():
        if section := _section(field):
            found += _keys_of(section, f"{name}.", list(section.model_fields))
    return tuple(found)


def purposes() -> dict[str, str]:
    """The sections of a recipe, and what each is for."""
    found = {name: _section(field) for name, field in Config.model_fields.items()}
    return {
        name: " ".join((section.__doc__ or "").split())
        for name, section in found.items()
        if section
    }


def value_of(config: Config, name: str) -> Any:
    """The value of a key in a recipe; None: unset, or an argument that the recipe does not give."""
    tree: Any = config.model_dump()
    head, *rest = name.split(".")
    found = tree[head]
    if len(rest) < 2:
        return found[rest[0]] if rest else found
    specs = found if isinstance(found, list) else [found]
    tables = (one for one in specs if isinstance(one, dict) and one.get("name") == rest[0])
    return next((one.get(rest[1]) for one in tables), None)


def shown(value: Any) -> str:
    """A value as TOML writes it, words without quotes; None is "unset"."""
    if value is None:
        return "unset"
    return value if isinstance(value, str) and value else toml_value(value)


def accepted(schema: Mapping[str, Any]) -> str:
    """A JSON schema of one value in words: "> 0", "0 to 1", "true or false"."""
    if "enum" in schema:
        *most, last = (str(choice) for choice in schema["enum"])
        return f"{', '.join(most)} or {last}" if most else last
    kind = schema.get("type")
    if kind == "boolean":
        return "true or false"
    if kind == "object":
        return "a table"
    if kind == "array" and "enum" in schema.get("items", {}):
        return f"a list of {', '.join(schema['items']['enum'])}"
    if kind not in ("integer", "number"):
        return "text"
    low, above, high, below = (
        int(bound) if bound is not None and bound == int(bound) else bound
        for bound in map(schema.get, ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"))
    )
    bounds = [
        f"{sign} {bound}"
        for sign, bound in ((">=", low), (">", above), ("<=", high), ("<", below))
        if bound is not None
    ]
    if low is not None and high is not None:
        bounds = [f"{low} to {high}"]
    return " and ".join(bounds) or ("a whole number" if kind == "integer" else "a number")


def _section(field: Any) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _keys_of(section: type[Section], prefix: str, names: Iterable[str]) -> list[Key]:
    properties = section.model_json_schema()["properties"]
    meanings = {one.name: one.meaning for one in _source()[section.__name__].fields}
    found = []
    for name in names:
        schema = _own_schema(properties[name])
        form = FORMS.get(prefix + name, "").removeprefix("must be ")
        default = section.model_fields[name].get_default(call_default_factory=True)
        found.append(Key(prefix + name, meanings[name], default, form or accepted(schema), schema))
    return found


def _own_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Without titles, defaults and null, which TOML does not have."""
    plain = {key: value for key, value in schema.items() if key not in ("title", "default")}
    options = [one for one in plain.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        return dict(options[0])
    return {**plain, "anyOf": options} if options else plain


@functools.cache
def _source() -> dict[str, Any]:
    here = resources.files(__package__)
    files = [module.__name__.rpartition(".")[2] + ".py" for module in (sections, recipe)]
    texts = [(here / file).read_text(encoding="utf-8") for file in files]
    return {name: one for text in texts for name, one in classes(text).items()}
