"""`ganvas tune`: a search over values of a recipe."""

from __future__ import annotations

import json
import sys
from typing import Annotated, ClassVar

import typer

from .app import STOPPED, DataArgument, Json, Lang, Seed, Training, Values, app, tensorflow
from .completion import recipe_names


class Tuning(Training):
    """`ganvas tune` needs Optuna, too."""

    extras: ClassVar[tuple[str, ...]] = ("train", "tune")


@app.command(cls=Tuning)
def tune(
    data: DataArgument,
    recipe: Annotated[
        str, typer.Option(help="Name, or a .toml file.", autocompletion=recipe_names)
    ] = "quick",
    trials: Annotated[int, typer.Option(min=1, help="Total number of trials.")] = 20,
    hours: Annotated[
        float | None, typer.Option(min=0.0, help="Time limit; the search can be continued.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="FILE.db, or the address of a database; default tune-RECIPE.db."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    repeats: Annotated[
        int, typer.Option(min=0, help="Seeds for retraining the best and the default.")
    ] = 3,
    seed: Seed = 0,
    values: Values = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Search for recipe values that suit the images.

    The recipe's [tune] declares them; the best are retrained with other seeds.
    """
    from ..config import parse_set
    from ..training.choosing import read

    config = read(recipe, parse_set(values or []))
    tensorflow()
    from ..tuning import tune as search

    try:
        result = search(
            data, config, trials=trials, hours=hours, study=study, workers=workers,
            repeats=repeats, seed=seed, lang=lang,
        )  # fmt: skip
    except KeyboardInterrupt:
        sys.stderr.write("stopped; repeat the command to continue; finished trials are kept\n")
        return STOPPED
    if as_json:
        typer.echo(json.dumps(result.to_dict(), allow_nan=False))
    else:
        from ..tuning.study_report import sentences

        for line in sentences(result):
            typer.echo(line)
    return 0
