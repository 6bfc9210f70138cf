"""Commands that make something: train, resume, prepare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import (
    DATA_HELP,
    STOPPED,
    Address,
    DataWord,
    RunFolder,
    Values,
    Workers,
    app,
    by_ray,
    counter,
    tensorflow,
)


@app.command()
def train(
    data: Annotated[str | None, typer.Argument(help=DATA_HELP + " Default: the recipe's.")] = None,
    recipe: Annotated[str, typer.Option(help="Its name, or a .toml file.")] = "quick",
    values: Values = None,
    run: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Start from its weights.")
    ] = None,
    heal: Annotated[
        bool, typer.Option("--heal", help="Go back and take a cure when it falls sick.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Resume --run, where it holds a run already.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the data, time a few steps, predict.")
    ] = False,
    workers: Workers = None,
    address: Address = None,
) -> int:
    """Train a GAN on images."""
    from ..config import load_recipe, parse_set
    from ..runs import Run
    from ..workers import task

    # The recipe first: a misspelt key answers at once, before TensorFlow and the images.
    config = load_recipe(recipe).with_values(parse_set(values or []))
    config = config.with_values({"train.heal": True}) if heal else config
    if run and not go_on and task()[0] == 0:
        Run.check_free(run)
    if start_from:
        Run.open(start_from)
    shared = by_ray(workers, address)
    ganvas = tensorflow()
    if dry_run:
        return _rehearse(ganvas.rehearse(data, config))
    if shared:
        from ..scale import train as train_together

        return _finished(
            train_together(
                data, config, workers=workers, address=address, run=run, start_from=start_from,
                go_on=go_on,
            )
        )  # fmt: skip
    return _finished(ganvas.train(data, config, run=run, start_from=start_from, go_on=go_on))


@app.command()
def resume(
    run: RunFolder,
    values: Values = None,
    workers: Workers = None,
    address: Address = None,
) -> int:
    """Go on exactly where a run stopped."""
    from ..config import parse_set
    from ..runs import Run

    old = Run.open(run)
    if old.info.get("status") == "finished" and not values:
        typer.echo(f"{old.where} is finished; `--set train.kimg=...` trains it longer")
        return 0
    changed = parse_set(values or [])
    if not by_ray(workers, address):
        return _finished(tensorflow().resume(run, set=changed))
    tensorflow()
    from ..scale import resume as resume_together

    return _finished(resume_together(run, workers=workers, address=address, set=changed))


def _finished(run) -> int:
    row = (run.rows() or [{"kimg": 0, "seconds": 0}])[-1]
    if run.status() == "interrupted":
        sys.stderr.write(f"stopped at {row['kimg']:g} kimg; go on: ganvas resume {run.where}\n")
        return STOPPED
    typer.echo(
        f"{run.where}: {row['kimg']:g} kimg in {row['seconds']:.0f} s of training; "
        f"pictures in {run.where}/samples"
    )
    return 0


def _rehearse(report: dict) -> int:
    typer.echo(report.pop("config").rstrip() + "\n")
    for name, value in report.items():
        typer.echo(f"{name}: {value}")
    return 0


@app.command()
def prepare(
    data: DataWord,
    to: Annotated[Path, typer.Option(help="The folder to make.")],
    size: Annotated[int | None, typer.Option(min=16, max=256, help="Side in pixels.")] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="Size of a shard.")] = 256,
    workers: Workers = None,
    address: Address = None,
) -> None:
    """Check images and pack them into sharded TFRecords."""
    from .. import remote
    from ..data import Options

    options, progress = Options(size=size), counter("images")
    if by_ray(workers, address):
        from ..scale import pack as pack_together

        pack_together(
            data, to, options, shard_mb, workers=workers, address=address, progress=progress
        )
    else:
        tensorflow()
        from ..data import prepare as pack

        pack(data, to, options, shard_mb=shard_mb, progress=progress)
    index = json.loads(remote.read(to, "index.json"))
    for sentence in index["report"]["warnings"]:
        sys.stderr.write(f"note: {sentence}\n")
    typer.echo(
        f"{remote.address(to) or to}: {index['count']} images in {len(index['shards'])} shards"
    )
