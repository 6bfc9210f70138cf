"""`ganvas recipes`: the recipes, or one of them."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .app import app


@app.command()
def recipes(
    name: Annotated[
        str | None, typer.Argument(help="Recipe to print.", autocompletion=completion.recipe_names)
    ] = None,
) -> None:
    """List recipes with their measured cost and score, or print one."""
    from ..config import recipe_header, recipe_names, recipe_text

    if name:
        typer.echo(recipe_text(name).rstrip())
        return
    for one in recipe_names():
        header = recipe_header(one)
        typer.echo(f"{one}: {header.get('what', '')}")
        typer.echo(f"    cost {header.get('cost', '?')}; score {header.get('score', '?')}")
