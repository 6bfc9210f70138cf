"""A name in a recipe becomes an object; the constructor is the schema of its part.

A dotted name, such as "my_package.losses:MyLoss", is somebody's code. Only training imports it
(`import_parts`); wherever a run is only read, its module must have been imported by the user.
Another name that ganvas does not have is looked for among installed plug-ins (`base.plug_ins`).
"""

from __future__ import annotations

import importlib
import inspect
import math
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from ..base import plug_ins
from ..errors import ConfigError, UsageError, no_such
from .sentences import missing_argument, unknown_argument

Spec = str | Mapping[str, Any]


def import_parts(*specs: Spec) -> None:
    """Import the modules of dotted names. Only for recipes that are about to be trained: this runs
    the code that they name.

    Raises: ConfigError: a module that cannot be imported, or that has no such class.
    """
    for spec in specs:
        name = spec if isinstance(spec, str) else spec.get("name")
        if not isinstance(name, str) or ":" not in name:
            continue
        module, _, part = name.partition(":")
        try:
            getattr(importlib.import_module(module), part)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(
                f"'{name}' cannot be imported ({error}): write package.module:Class of something "
                "on the Python path"
            ) from error


operators_modules: list[str] = []
"""Modules that the operator named, for other processes that read for the same command."""


def import_modules(names: Iterable[str]) -> None:
    """Import modules that the operator names: own layers and parts are found afterwards.

    Raises: UsageError: a module that cannot be imported.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, ValueError, TypeError) as error:
            raise UsageError(
                f"module '{name}' cannot be imported ({error}): check its name, and PYTHONPATH"
            ) from error
        if name not in operators_modules:
            operators_modules.append(name)


def build(kind: str, spec: Spec, table: Mapping[str, type], base: type) -> Any:
    """The part that a spec describes.

    Args:
        kind: of the part, for messages: "loss", "penalty", ...
        spec: "name" or {"name": ..., argument: value}; a name with a colon, such as
            "my_package.losses:MyLoss", is looked up in its module, which must be imported.
        table: the known names.
        base: the base class of parts of this kind. Nothing of another class is called.

    Raises: ConfigError: an unknown name, or arguments that the constructor does not accept.
    """
    part, arguments = _resolve(kind, spec, table, base)
    try:
        return part(**arguments)
    except ValueError as error:
        raise ConfigError(f"{kind} {_name(kind, spec)}: {error}") from error


def complete(kind: str, spec: Spec, table: Mapping[str, type], base: type) -> dict[str, Any]:
    """The spec with every default written out, checked but not built."""
    part, arguments = _resolve(kind, spec, table, base)
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


def _resolve(
    kind: str, spec: Spec, table: Mapping[str, type], base: type
) -> tuple[type, dict[str, Any]]:
    name = _name(kind, spec)
    part = _imported(kind, name, base) if ":" in name else table.get(name)
    part = part or plug_ins.load(kind, name, base)
    if part is None:
        raise ConfigError(no_such(kind, name, [*table, *plug_ins.found(kind)]))
    arguments = {} if isinstance(spec, str) else {k: v for k, v in spec.items() if k != "name"}
    signature = inspect.signature(part)
    takes_any = any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())
    for argument in arguments:
        if argument not in signature.parameters and not takes_any:
            raise ConfigError(unknown_argument(kind, name, argument, signature.parameters))
    for argument, one in signature.parameters.items():
        named = one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        if named and one.default is one.empty and argument not in arguments:
            raise ConfigError(missing_argument(kind, name, argument))
    try:
        signature.bind(**arguments)
        _check_types(part, arguments)
    except TypeError as error:
        takes = str(signature).replace("'", "").partition(" ->")[0]
        raise ConfigError(f"{kind} {name}: {error}; it takes {takes}") from error
    return part, arguments


def _imported(kind: str, path: str, base: type) -> type:
    """The class of a dotted name, without an import, and without a call of the module's
    `__getattr__`, which may import."""
    module, _, name = path.partition(":")
    if module not in sys.modules:
        raise ConfigError(
            f"{kind} '{path}' is somebody's code, which is run only to train: if you trust it, "
            f"import {module or 'its module'} first, on the command line by `ganvas --import "
            f"{module or 'MODULE'} ...`"
        )
    part = vars(sys.modules[module]).get(name)
    if part is None:
        raise ConfigError(
            f"{kind} '{path}' does not exist: write package.module:Class of something on the "
            "Python path"
        )
    if not isinstance(part, type):
        raise ConfigError(f"{kind} '{path}' is not a class: write package.module:Class")
    if not issubclass(part, base):
        raise ConfigError(
            f"{kind} {path} is not a {base.__name__}: name a class that inherits from "
            f"{base.__module__}.{base.__name__}"
        )
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
