"""Commands that look at what there is: runs, recipes, sample, morph, info."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, UsageError
from .app import (
    Address,
    Json,
    RunFolder,
    WhichModel,
    Workers,
    app,
    by_ray,
    counter,
    table,
    tensorflow,
)  # fmt: skip


@app.command()
def runs(folder: Annotated[Path, typer.Argument(help="Where runs lie.")] = Path("runs")) -> None:
    """List runs: recipe, progress, state."""
    from ..runs import list_runs

    lines = [("run", "recipe", "kimg", "seconds", "best", "state")]
    for run in list_runs(folder):
        row = (run.rows() or [{"kimg": 0, "seconds": 0}])[-1]
        kimg, seconds = f"{row['kimg']:g}", f"{row['seconds']:.0f}"
        try:
            config = run.config
        except ConfigError:
            lines.append((run.folder.name, "?", kimg, seconds, "", "damaged"))
            continue
        kimg += f"/{config.train.kimg:g}"
        lines.append((run.folder.name, config.recipe, kimg, seconds, _best(run), run.status()))
    table(lines)


def _best(run) -> str:
    best = run.best
    return f"{best['by']} {best[best['by']]:.3g} at {best['kimg']:g} kimg" if best else ""


@app.command()
def recipes(name: Annotated[str | None, typer.Argument(help="Print this one.")] = None) -> None:
    """List the recipes with their cost and proven score, or print one."""
    from ..config import recipe_header, recipe_names, recipe_text

    if name:
        typer.echo(recipe_text(name).rstrip())
        return
    for one in recipe_names():
        header = recipe_header(one)
        typer.echo(f"{one}: {header.get('what', '')}")
        typer.echo(f"    cost {header.get('cost', '?')}; score {header.get('score', '?')}")


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(metavar="RUN|MODEL", show_default=False)],
    n: Annotated[int, typer.Option("-n", min=1, help="How many images.")] = 64,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    label: Annotated[str | None, typer.Option(help="A class, by name or index.")] = None,
    truncation: Annotated[float, typer.Option(help="Below 1: more typical, less varied.")] = 1.0,
    which: WhichModel = "best",
    out: Annotated[Path, typer.Option(help="grid.png, or a folder.")] = Path("grid.png"),
    shards: Annotated[
        bool, typer.Option("--shards", help="Into a folder of shards: for very many.")
    ] = False,
    workers: Workers = None,
    address: Address = None,
) -> None:
    """Draw images: one grid, or one PNG each into a folder."""
    from .. import remote
    from ..manifest import is_model
    from ..runs import Run

    remote.here(out)
    if not is_model(model):
        Run.open(model)
    if by_ray(workers, address) or shards:
        _draw(model, out, n, seed, label, truncation, which, shards, workers, address)
        return
    ganvas = tensorflow()
    from .. import images

    pictures = ganvas.load(model, which).sample(n, label, seed, truncation)
    about = {
        "model": remote.address(model) or str(model),
        "seed": str(seed),
        "truncation": str(truncation),
    }
    about |= {"label": label} if label else {}
    if out.suffix.lower() == ".png":
        out.parent.mkdir(parents=True, exist_ok=True)
        images.write_png(out, images.grid(pictures), about)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(pictures):
            images.write_png(out / f"{index:06d}.png", picture, {**about, "index": str(index)})
    typer.echo(str(out))


def _draw(model, out, n, seed, label, truncation, which, shards, workers, address) -> None:
    """Into a folder, part by part."""
    if out.suffix.lower() == ".png":
        raise UsageError(f"--out {out}: --workers and --shards fill a folder; give one by --out")
    if workers is None:
        tensorflow()
    from ..scale import draw

    told = draw(
        model, out, n, seed=seed, label=label, truncation=truncation, which=which, shards=shards,
        workers=workers, address=address, progress=counter("images"),
    )  # fmt: skip
    there = n - told["drawn"]
    typer.echo(f"{out}: {n} images" + (f", {there} of them were there already" if there else ""))


@app.command()
def morph(
    run: RunFolder,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="Length of the film.")] = 4.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    label: Annotated[str | None, typer.Option(help="A class, by name or index.")] = None,
    which: WhichModel = "best",
    out: Annotated[Path, typer.Option(help="The GIF to write.")] = Path("morph.gif"),
) -> None:
    """Film a walk through latent space."""
    from .. import remote
    from ..runs import Run

    remote.here(out)
    Run.open(run)
    if out.suffix.lower() != ".gif":
        raise UsageError(f"--out {out}: morph writes a GIF; give a name that ends in .gif")
    ganvas = tensorflow()
    from .. import images

    frames = ganvas.load(run, which).walk(seconds, seed=seed, label=label)
    out.parent.mkdir(parents=True, exist_ok=True)
    images.write_gif(out, frames, seconds)
    typer.echo(str(out))


@app.command()
def info(as_json: Json = False) -> None:
    """Versions, devices, threads, where caches are."""
    tensorflow()
    from ..evaluation.samples import cache_folder
    from ..training import devices, versions

    facts = {**versions(), "devices": devices(), "threads": os.cpu_count()}
    facts["cache"] = str(cache_folder())
    facts["keras_cache"] = os.environ.get("KERAS_HOME", str(Path.home() / ".keras"))
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        table([(name, str(value)) for name, value in facts.items()])
