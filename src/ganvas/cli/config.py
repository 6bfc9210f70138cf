"""`ganvas config`: the keys of a recipe, and the arguments of its parts."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .app import Json, app
from .completion import config_keys

if TYPE_CHECKING:
    from ..config.keys import Described, Key

NO_BREAK = "\ue000"
"""Stands for a space at which no line is wrapped: rich wraps at every kind of space."""


@app.command()
def config(
    key: Annotated[
        str | None,
        typer.Argument(
            help="A key, a section, a part such as networks.dcgan, or a piece of a name.",
            autocompletion=config_keys,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the keys of a recipe: default, meaning, accepted values."""
    from ..config.keys import keys
    from ..gan.catalogue import catalogue, find

    every = [part for parts in catalogue().values() for part in parts.values()]
    found, parts = (list(keys()), every) if key is None else find(key)
    if as_json:
        some = {"keys": [one.to_dict() for one in found], "parts": [one.to_dict() for one in parts]}
        typer.echo(json.dumps(some))
    elif key is None:
        _print_all(found)
    elif len(found) == 1 and not parts:
        _print_key(found[0])
    else:
        if found:
            _print_rows((one.name, one) for one in found)
        for part in parts:
            _print_part(part, whole=len(parts) == 1)


def _print_all(found: Sequence[Key]) -> None:
    from ..config.keys import purposes

    _print_rows(((one.name, one) for one in found if "." not in one.name), whole=False)
    for section, purpose in purposes().items():
        typer.echo(f"\n[{section}]")
        _print_text(purpose, "  ")
        _print_rows(
            ((f"  {one.last}", one) for one in found if one.section == section), whole=False
        )
    typer.echo(
        "\nMore: ganvas config KEY; of parts: ganvas config networks, ganvas config networks.dcgan"
    )


def _print_rows(rows: Iterable[tuple[str, Key]], whole: bool = True) -> None:
    """A line for each: name, default, meaning and accepted values; wrapped on a terminal only."""
    from ..gan.catalogue import catalogue
    from ..reports.tables import aligned

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    lines = []
    for name, one in rows:
        bounds = one.accepted.replace(" ", NO_BREAK)
        line = one.line(whole)
        line = line.replace(one.accepted, bounds) if len(bounds) < 16 else line
        if one.name in catalogue():
            line = f"{one.summary} {', '.join(catalogue()[one.name])}"
        lines.append((name, one.shown, line))
    typer.echo(aligned(lines, width=width).replace(NO_BREAK, " "))


def _print_key(key: Key) -> None:
    from ..config.keys import shown

    typer.echo(f"{key.name}: {key.shown}")
    _print_text(key.meaning)
    _print_text(f"Accepted: {key.accepted}.")
    if values := _in_recipes(key):
        _print_text(f"In recipes: {', '.join(values)}.")
    example = shown(key.default) if key.default not in (None, "", [], {}) else "..."
    _print_text(f"Set it: --set {shlex.quote(f'{key.settable}={example}')}")


def _print_part(part: Described, whole: bool) -> None:
    if not whole:
        typer.echo(part.full)
        _print_text(part.summary)
        return
    typer.echo(part.full)
    _print_text(part.meaning)
    if part.source:
        _print_text(f"Source: {part.source}")
    setting = f"{part.kind}={part.name}"
    if part.kind == "penalties":
        needs = [f"{one.last} = ..." for one in part.arguments if one.required]
        table = ", ".join((f'name = "{part.name}"', *needs))
        setting = f"'penalties=[{{{table}}}]'"
    _print_text(f"Use it: --set {setting}")
    if part.arguments:
        _print_rows((f"  {one.last}", one) for one in part.arguments)


def _print_text(text: str, indent: str = "    ") -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    wrapper = textwrap.TextWrapper(
        width, indent, indent, break_long_words=False, break_on_hyphens=False
    )
    typer.echo(wrapper.fill(text))


def _in_recipes(key: Key) -> list[str]:
    """The recipes of the package that have another value than the default."""
    from ..config import load_recipe, recipe_names
    from ..config.keys import shown, value_of

    found = []
    for name in recipe_names():
        value = value_of(load_recipe(name), key.name)
        if value not in (None, key.default) and key.name != "recipe":
            found.append(f"{name} {shown(value)}")
    return found
