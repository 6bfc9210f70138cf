"""A recipe as JSON schema (draft-07): editors complete keys, and show meanings and errors.

The file in the package, `recipes/recipe.schema.json`, is written by tests/unit/test_schema.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from ..base.own_files import MARK
from .keys import Described, Key, keys, purposes

SCHEMA = "recipe.schema.json"
"""Beside every recipe that ganvas writes, so that an editor finds it offline and after a move."""
ADDRESS = f"#:schema ./{SCHEMA}\n"
"""First line of a recipe: how the TOML extensions of editors find its schema."""

Catalogue = Mapping[str, Mapping[str, Described]]


def schema_text() -> str:
    """The schema of this version."""
    return (resources.files("ganvas.recipes") / SCHEMA).read_text(encoding="utf-8")


def schema(catalogue: Catalogue) -> dict[str, Any]:
    """The JSON schema of a recipe.

    Args:
        catalogue: the parts, see `gan.catalogue`.
    """
    properties: dict[str, Any] = {}
    tables = {name: _table(purpose, {}) for name, purpose in purposes().items()}
    for key in keys():
        section, _, last = key.name.rpartition(".")
        place = tables[section]["properties"] if section else properties
        place[last] = _value(key)
    for kind, parts in catalogue.items():
        one = _part(parts.values())
        properties[kind] |= {"type": "array", "items": one} if kind == "penalties" else one
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Recipe of ganvas",
        "$comment": MARK,
        **_table("All values of a training of a GAN.", properties | tables),
    }


def _table(purpose: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"description": purpose, "type": "object", "additionalProperties": False,
            "properties": properties}  # fmt: skip


def _value(key: Key) -> dict[str, Any]:
    """One key; parts get their form from the catalogue."""
    default = {} if key.default is None else {"default": key.default}
    about = {"description": f"{key.meaning} ({key.accepted})", **default}
    if key.name in ("loss", "penalties", "augment", "networks"):
        return about
    if key.name in ("tune", "transfer"):
        return {**about, "type": "object"}
    return {**about, **_draft7(key.schema)}


def _part(parts: Iterable[Described]) -> dict[str, Any]:
    """A name, or a table of a name and arguments; a name with a colon is somebody's own."""
    own = {"type": "string", "pattern": ":"}
    options: list[dict[str, Any]] = [{"enum": [part.name for part in parts]}, own]
    options += [_arguments(part) for part in parts]
    options.append({"type": "object", "properties": {"name": own}, "required": ["name"]})
    return {"anyOf": options}


def _arguments(part: Described) -> dict[str, Any]:
    properties: dict[str, Any] = {"name": {"description": part.meaning, "enum": [part.name]}}
    for key in part.arguments:
        properties[key.last] = _value(key)
    required = [key.last for key in part.arguments if key.required]
    return {**_table(part.meaning, properties), "required": ["name", *required]}


def _draft7(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Fixed lists are `items` in draft-07, which editors read, and `prefixItems` in later ones."""
    found = dict(schema)
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
    if "anyOf" in found:
        found["anyOf"] = [_draft7(one) for one in found["anyOf"]]
    return found
