"""Commands that search: tune."""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Annotated

import typer

from ..errors import UsageError
from .app import STOPPED, DataArgument, Json, Values, app, tensorflow


@app.command()
def tune(
    data: DataArgument,
    recipe: Annotated[str, typer.Option(help="Its name, or a .toml file.")] = "quick",
    trials: Annotated[int, typer.Option(min=1, help="How many in all.")] = 20,
    hours: Annotated[float | None, typer.Option(min=0.0, help="At most; it can go on.")] = None,
    study: Annotated[
        str | None, typer.Option(help="FILE.db, or a database's address; default tune-RECIPE.db.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = 1,
    repeats: Annotated[int, typer.Option(min=0, help="Seeds of the honest comparison.")] = 3,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    values: Values = None,
    as_json: Json = False,
) -> int:
    """Search the values in a recipe's [tune]; the best are repeated with other seeds."""
    if importlib.util.find_spec("optuna") is None:
        raise UsageError(
            "optuna is not installed: tune needs its extra: pip install 'ganvas[tune]'"
        )
    from ..config import load_recipe, parse_set

    config = load_recipe(recipe).with_values(parse_set(values or []))
    tensorflow()
    from ..tuning import tune as search

    try:
        result = search(
            data, config, trials=trials, hours=hours, study=study, workers=workers,
            repeats=repeats, seed=seed,
        )  # fmt: skip
    except KeyboardInterrupt:
        sys.stderr.write("stopped; go on: the same command; finished trials are not repeated\n")
        return STOPPED
    if as_json:
        typer.echo(json.dumps(result))
    else:
        from ..tuning.study_report import sentences

        for line in sentences(result):
            typer.echo(line)
    return 0
