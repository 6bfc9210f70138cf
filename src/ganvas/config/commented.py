"""A recipe with every key and its meaning, to be edited: `ganvas init`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..base.files import disk_errors, write_file
from ..base.own_files import check_replaceable
from ..errors import ConfigError
from .keys import Key, keys, purposes
from .recipe import Config
from .schema import ADDRESS, SCHEMA, Catalogue, schema_text
from .toml import toml_line, toml_value

_WIDTH = 88


def commented(config: Config, catalogue: Catalogue, title: str) -> str:
    """The TOML of a recipe: each key below its meaning; one that is unset is a comment, too.

    Read again, it is the same recipe.

    Args:
        catalogue: the parts, see `gan.catalogue`.
        title: the first comment.
    """
    tree = config.model_dump(exclude_none=True, exclude={"recipe"})  # the file's name is its name
    lines = [ADDRESS.rstrip("\n"), *_comment(title)]
    in_table = "networks" if isinstance(config.networks, dict) else ""
    for key in keys():
        if "." in key.name or key.name in ("transfer", "tune", in_table):
            continue
        lines += ["", *_key(key, tree.get(key.name)), *_parts(key, tree, catalogue)]
    if in_table:
        lines += ["", "[networks]", *_networks(tree["networks"], catalogue)]
    for section, purpose in purposes().items():
        lines += ["", f"[{section}]", *_comment(purpose)]
        for key in keys():
            if key.name.startswith(f"{section}."):
                last = key.last
                lines += ["", *_key(key, tree[section].get(last))]
    for key in keys():
        if key.name in ("transfer", "tune"):
            lines += ["", f"[{key.name}]", *_comment(key.meaning)]
            lines += [toml_line(name, value) for name, value in tree[key.name].items()]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2, break_on_hyphens=False)]


def _key(key: Key, value: Any, default: str = "...") -> list[str]:
    """The meaning of a key and its line; without a value, the line is a comment."""
    last = key.last
    line = f"# {last} = {default}" if value is None else toml_line(last, value)
    said = all(choice in key.meaning for choice in key.choices) and bool(key.choices)
    if said or key.accepted in ("text", "true or false"):
        return [*_comment(key.meaning), line]
    if len(line) + len(key.accepted) < _WIDTH - 4:
        return [*_comment(key.meaning), f"{line}  # {key.accepted}"]
    return [*_comment(f"{key.meaning} Accepted: {key.accepted}."), line]


def _parts(key: Key, tree: dict[str, Any], catalogue: Catalogue) -> Iterator[str]:
    """Below a key that names parts: the accepted ones, and the arguments of those named."""
    if key.name not in catalogue:
        return
    parts = catalogue[key.name]
    yield from _comment(f"Names: {', '.join(parts)}.")
    specs = tree.get(key.name) or []
    for spec in specs if isinstance(specs, list) else [specs]:
        name = spec if isinstance(spec, str) else spec.get("name")
        for argument in parts[name].arguments if name in parts else ():
            last = argument.last
            yield from _comment(f"{name} takes {last} ({argument.shown}): {argument.meaning}")


def _networks(spec: dict[str, Any], catalogue: Catalogue) -> Iterator[str]:
    """The table of the networks: every argument; one that the recipe leaves out is a comment."""
    part = catalogue["networks"].get(spec["name"])
    yield from _comment(f"Names: {', '.join(catalogue['networks'])}.")
    yield toml_line("name", spec["name"])
    described = {one.last: one for one in (part.arguments if part else ())}
    for name, argument in described.items():
        yield ""
        yield from _key(argument, spec.get(name), toml_value(argument.default))
    for name in spec.keys() - {"name", *described}:  # of somebody's own networks
        yield toml_line(name, spec[name])


def write(file: Path, config: Config, catalogue: Catalogue) -> None:
    """Write `commented` to a new file, and the schema beside it.

    Raises: ConfigError: the file exists, or its name does not end in .toml.
    """
    if file.suffix != ".toml":
        raise ConfigError(f"{file} must end in .toml, as every recipe file: name it {file}.toml")
    if file.exists():
        raise ConfigError(f"{file} exists: choose another name, or remove it first")
    if not file.parent.is_dir():
        raise ConfigError(f"{file.parent} is not a folder: make it first")
    beside = file.with_name(SCHEMA)
    check_replaceable(beside)
    title = f'The recipe "{config.recipe}", with every key. A line such as "# key = ..." is unset.'
    with disk_errors(file):
        write_file(file, commented(config, catalogue, title))
        write_file(beside, schema_text())
