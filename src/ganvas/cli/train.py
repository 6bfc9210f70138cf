"""`ganvas train`: a GAN from a folder of images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..base.printing import on_one_line
from ..errors import UsageError
from .app import (
    DATA_HELP,
    Address,
    Labels,
    Training,
    Values,
    Workers,
    app,
    by_ray,
    finished,
    tensorflow,
)
from .completion import beginnings, trained_recipes

if TYPE_CHECKING:
    from ..training.dry_run import DryRun

LENGTHS = ("train.minutes", "train.kimg", "train.epochs")
"""Keys that set the length of a run."""

Recipe = Annotated[
    str | None,
    typer.Option(
        help="Name of a recipe, a .toml file, or auto (the default): the images decide.",
        autocompletion=trained_recipes,
    ),
]
StartFrom = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="RUN|FILE|NAME|none",
        help="Begin from a pretrained pair (see `ganvas pretrained`), auto (the nearest), a run, "
        "or none. Default: auto for the recipe auto, else none.",
        autocompletion=beginnings,
    ),
]

Minutes = Annotated[
    float | None,
    typer.Option(help="Duration of the whole run; it sets the length. Default: the recipe's kimg."),
]
Kimg = Annotated[
    float | None, typer.Option(help="Length: thousand images that the discriminator sees.")
]
Epochs = Annotated[float | None, typer.Option(help="Length: passes over the images.")]
Batch = Annotated[int | None, typer.Option(help="Images per turn of a network.")]
Size = Annotated[int | None, typer.Option(help="Side of the images in pixels, 16 to 256.")]
Rate = Annotated[float | None, typer.Option("--lr", help="Learning rate of the generator.")]
RunSeed = Annotated[int | None, typer.Option("--seed", help="Seed of all random numbers.")]

DryRunOnly = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Check the data, time a few steps, predict duration and memory."
    ),
]
DryRunJson = Annotated[
    bool, typer.Option("--json", help="With --dry-run: print its result as one JSON object.")
]


@app.command(cls=Training)
def train(
    data: Annotated[str | None, typer.Argument(help=DATA_HELP + " Default: the recipe's.")] = None,
    recipe: Recipe = None,
    values: Values = None,
    minutes: Minutes = None,
    kimg: Kimg = None,
    epochs: Epochs = None,
    batch: Batch = None,
    size: Size = None,
    rate: Rate = None,
    seed: RunSeed = None,
    run: Annotated[Path | None, typer.Option(help="Run folder to create.")] = None,
    start_from: StartFrom = None,
    heal: Annotated[
        bool, typer.Option("--heal", help="Roll back and apply a fix when training fails.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Resume --run if it holds a run already.")
    ] = False,
    dry_run: DryRunOnly = False,
    as_json: DryRunJson = False,
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

    if as_json and not dry_run:
        raise UsageError("--json prints the result of --dry-run: give both, or neither")
    # The recipe first: an error in it is reported before TensorFlow and the images are loaded.
    shortcuts = {
        "train.minutes": minutes, "train.kimg": kimg, "train.epochs": epochs, "train.batch": batch,
        "data.size": size, "train.learning_rate": rate, "train.seed": seed,
    }  # fmt: skip
    changes = merged(parse_set(values or []), shortcuts)
    config = choose(data, recipe, changes, start_from, workers)
    config = config.with_values({"train.heal": True}) if heal else config
    config = config.with_values({"data.labels": str(labels.absolute())}) if labels else config
    if run and not go_on and task()[0] == 0:
        Run.check_free(run)
    shared = by_ray(workers, address)
    if not shared:
        show_request(config, data)
    ganvas = tensorflow("rehearse" if dry_run else "train")
    if dry_run:
        return _print_report(ganvas.rehearse(data, config, progress=True), as_json)
    if shared and workers is not None:
        from ..cluster import train as train_by_ray

        return finished(
            train_by_ray(data, config, workers=workers, address=address, run=run, go_on=go_on)
        )
    return finished(ganvas.train(data, config, run=run, go_on=go_on))


def merged(values: Mapping[str, Any], shortcuts: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `--set` and those of shortcuts, by key.

    Raises: UsageError: two lengths.
    """
    given = {key: value for key, value in shortcuts.items() if value is not None}
    lengths = [key for key in LENGTHS if key in given]
    if len(lengths) > 1:
        names = " and ".join(f"--{key.partition('.')[2]}" for key in lengths)
        raise UsageError(f"{names} set the same length: give one of them")
    return {**values, **given}


def _print_report(report: DryRun, as_json: bool) -> int:
    if as_json:
        typer.echo(json.dumps(report.to_dict()))
        return 0
    typer.echo(report.config.rstrip() + "\n")
    for line in report.lines():
        typer.echo(on_one_line(line))
    return 0
