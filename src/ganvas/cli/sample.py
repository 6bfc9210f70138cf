"""`ganvas sample`: images from a generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..base.own_files import SOFTWARE, check_replaceable
from ..base.progress import stage
from ..errors import UsageError
from .app import (
    MODEL_HELP,
    Address,
    Exact,
    Seed,
    WhichModel,
    Workers,
    app,
    by_ray,
    opened,
    tensorflow,
)
from .completion import run_folders


@app.command()
def sample(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|MODEL", help=MODEL_HELP, show_default=False, autocompletion=run_folders
        ),
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="Number of images.")] = 64,
    seed: Seed = 0,
    label: Annotated[str | None, typer.Option(help="Class name or index.")] = None,
    truncation: Annotated[
        float, typer.Option(help="Below 1: more typical, less varied images.")
    ] = 1.0,
    which: WhichModel = "best",
    exact: Exact = False,
    out: Annotated[Path, typer.Option(help="PNG file of a grid, or a folder.")] = Path("grid.png"),
    shards: Annotated[
        bool, typer.Option("--shards", help="Write shards into a folder: for very many images.")
    ] = False,
    workers: Workers = None,
    address: Address = None,
) -> None:
    """Draw images: a grid, or a PNG file for each image. Files of others are not replaced."""
    from ..storage import remote
    from ..storage.manifest import is_model
    from ..storage.run import Run

    remote.here(out)
    if not is_model(model):
        Run.open(model)
    if by_ray(workers, address) or shards:
        _draw(model, out, n, seed, label, truncation, which, shards, workers, address)
        return
    grid = out.suffix.lower() == ".png"
    check_replaceable(*([out] if grid else [out / f"{index:06d}.png" for index in range(n)]))
    from .. import images
    from ..images.sheets import named, sheet

    sampler = opened(model, which, exact)
    pictures = sampler.sample(n, label, seed, truncation)
    about = SOFTWARE | {
        "model": remote.address(model) or str(model),
        "seed": str(seed),
        "truncation": str(truncation),
    }
    about |= {"label": label} if label else {}
    if grid:
        out.parent.mkdir(parents=True, exist_ok=True)
        labels = sampler.labels(n, label, seed) if sampler.names else None
        captions = [named(one, sampler.names) for one in labels] if labels is not None else ()
        images.write_png(out, sheet(pictures, captions=captions), about, synthetic=True)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(pictures):
            said = {**about, "index": str(index)}
            images.write_png(out / f"{index:06d}.png", picture, said, synthetic=True)
    typer.echo(str(out))


def _draw(
    model: Path,
    out: Path,
    n: int,
    seed: int,
    label: str | None,
    truncation: float,
    which: str,
    shards: bool,
    workers: int | None,
    address: str | None,
) -> None:
    """Draw into a folder, part by part."""
    if out.suffix.lower() == ".png":
        raise UsageError(
            f"--workers and --shards write into a folder, got --out {out}: give a folder"
        )
    if workers is None:
        tensorflow()
    from ..cluster import draw

    with stage("drawing", n, "images") as drawing:
        result = draw(
            model, out, n, seed=seed, label=label, truncation=truncation, which=which,
            shards=shards, workers=workers, address=address, progress=drawing.update,
        )  # fmt: skip
    before = n - result.drawn
    typer.echo(f"{out}: {n} images" + (f", {before} of them existed already" if before else ""))
