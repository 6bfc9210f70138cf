"""`ganvas train`: a GAN from a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.printing import on_one_line
from .app import (
    DATA_HELP,
    Address,
    Labels,
    Values,
    Workers,
    app,
    by_ray,
    finished,
    tensorflow,
)
from .completion import beginnings, recipe_names

if TYPE_CHECKING:
    from ..training.dry_run import DryRun


Recipe = Annotated[
    str | None,
    typer.Option(
        help="Name of a recipe, or a .toml file; default: finetune, see --from.",
        autocompletion=recipe_names,
    ),
]
StartFrom = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="RUN|FILE|NAME|none",
        help="Begin from a pretrained pair (see `ganvas pretrained`), auto (the nearest), a run, "
        "or none. Default: auto without --recipe, else none.",
        autocompletion=beginnings,
    ),
]


@app.command()
def train(
    data: Annotated[str | None, typer.Argument(help=DATA_HELP + " Default: the recipe's.")] = None,
    recipe: Recipe = None,
    values: Values = None,
    run: Annotated[Path | None, typer.Option(help="Run folder to create.")] = None,
    start_from: StartFrom = None,
    heal: Annotated[
        bool, typer.Option("--heal", help="Roll back and apply a fix when training fails.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Resume --run if it holds a run already.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check the data, time a few steps, predict duration and memory."
        ),
    ] = False,
    labels: Labels = None,
    workers: Workers = None,
    address: Address = None,
) -> int:
    """Train a GAN on images."""
    from ..base.workers import task
    from ..config import parse_set
    from ..data.header import show_request
    from ..storage.run import Run
    from ..training.choosing import choose

    # The recipe first: an error in it is reported before TensorFlow and the images are loaded.
    config = choose(data, recipe, parse_set(values or []), start_from)
    config = config.with_values({"train.heal": True}) if heal else config
    config = config.with_values({"data.labels": str(labels.absolute())}) if labels else config
    if run and not go_on and task()[0] == 0:
        Run.check_free(run)
    shared = by_ray(workers, address)
    if not shared:
        show_request(config, data)
    ganvas = tensorflow("rehearse" if dry_run else "train")
    if dry_run:
        return _print_report(ganvas.rehearse(data, config, progress=True))
    if shared and workers is not None:
        from ..cluster import train as train_by_ray

        return finished(
            train_by_ray(data, config, workers=workers, address=address, run=run, go_on=go_on)
        )
    return finished(ganvas.train(data, config, run=run, go_on=go_on))


def _print_report(report: DryRun) -> int:
    typer.echo(report.config.rstrip() + "\n")
    for line in report.lines():
        typer.echo(on_one_line(line))
    return 0
