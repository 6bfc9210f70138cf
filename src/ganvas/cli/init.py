"""`ganvas init`: a recipe file with every key and its meaning, to be edited."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..base.printing import on_one_line
from .app import app
from .completion import recipe_names


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file to write.")],
    recipe: Annotated[
        str,
        typer.Option(
            help="Recipe whose values it has: a name, or a .toml file.", autocompletion=recipe_names
        ),
    ] = "quick",
) -> None:
    """Write a recipe file: every key with its meaning, to be edited."""
    from ..config import load_recipe
    from ..config.commented import write
    from ..gan.catalogue import catalogue, check_names

    config = load_recipe(recipe)
    check_names(config)
    write(file, config, catalogue())
    name = on_one_line(str(file))
    typer.echo(f"{name}: recipe {config.recipe}, every key; edit it, then: ganvas train DATA "
               f"--recipe {name}")  # fmt: skip
