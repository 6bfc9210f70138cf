"""A name in a recipe becomes an object; the constructor is the schema of its part."""

from __future__ import annotations

import importlib
import inspect
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, no_such

Spec = str | Mapping[str, Any]


def build(kind: str, spec: Spec, table: Mapping[str, type], base: type = object) -> Any:
    """The part that a spec describes.

    Args:
        kind: of the part, for messages: "loss", "penalty", ...
        spec: "name" or {"name": ..., argument: value}; a name with a colon, such as
            "my_package.losses:MyLoss", is imported instead of looked up.
        table: the known names.
        base: the base class of parts of this kind.

    Raises: ConfigError: an unknown name, or arguments that the constructor does not accept.
    """
    part, arguments = _resolve(kind, spec, table)
    if not issubclass(part, base):
        raise ConfigError(
            f"{kind} {_name(kind, spec)} is not a {base.__name__}: name a class that inherits from "
            f"{base.__module__}.{base.__name__}"
        )
    try:
        return part(**arguments)
    except ValueError as error:
        raise ConfigError(f"{kind} {_name(kind, spec)}: {error}") from error


def complete(kind: str, spec: Spec, table: Mapping[str, type]) -> dict[str, Any]:
    """The spec with every default written out, checked but not built."""
    part, arguments = _resolve(kind, spec, table)
    bound = inspect.signature(part).bind(**arguments)
    bound.apply_defaults()
    return {"name": _name(kind, spec), **_plain(bound.arguments)}


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples become lists and None is left out, because TOML has neither."""
    items = ((key, list(v) if isinstance(v, tuple) else v) for key, v in arguments.items())
    return {key: value for key, value in items if value is not None}


def _name(kind: str, spec: Spec) -> str:
    name = spec if isinstance(spec, str) else spec.get("name")
    if not isinstance(name, str):
        raise ConfigError(f'{kind} {spec!r} has no name: write "name" or {{name = "...", ...}}')
    return name


def _resolve(kind: str, spec: Spec, table: Mapping[str, type]) -> tuple[type, dict[str, Any]]:
    name = _name(kind, spec)
    part = _import(kind, name) if ":" in name else table.get(name)
    if part is None:
        raise ConfigError(no_such(kind, name, table))
    arguments = {} if isinstance(spec, str) else {k: v for k, v in spec.items() if k != "name"}
    signature = inspect.signature(part)
    try:
        signature.bind(**arguments)
        _check_types(part, arguments)
    except TypeError as error:
        takes = str(signature).replace("'", "").partition(" ->")[0]
        raise ConfigError(f"{kind} {name}: {error}; it takes {takes}") from error
    return part, arguments


def _import(kind: str, path: str) -> type:
    module, _, name = path.partition(":")
    try:
        part = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{kind} '{path}' cannot be imported ({error}): write package.module:Class of "
            "something on the Python path"
        ) from error
    if not isinstance(part, type):
        raise ConfigError(f"{kind} '{path}' is not a class: write package.module:Class")
    return part


def _check_types(part: type, arguments: Mapping[str, Any]) -> None:
    """Refuse values of a wrong type early; only simple annotations are checked."""
    hints = typing.get_type_hints(part.__init__)  # type: ignore[misc]
    simple = {float: (int, float), int: (int,), bool: (bool,), str: (str,)}
    for key, value in arguments.items():
        hint = hints.get(key, object)
        others = [h for h in typing.get_args(hint) if h is not type(None)]
        if isinstance(hint, types.UnionType) and len(others) == 1:  # float | None
            hint = others[0]
        wrong_bool = isinstance(value, bool) and hint is not bool
        if hint in simple and (wrong_bool or not isinstance(value, simple[hint])):
            raise TypeError(f"{key} = {value!r} is not of type {hint.__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise TypeError(f"{key} = {value!r} is not finite")
