"""`ganvas morph`: a film through latent space."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..base.own_files import check_replaceable
from ..base.progress import stage
from ..errors import UsageError
from .app import (
    Exact,
    RunFolder,
    Seed,
    WhichModel,
    app,
    opened,
)

LARGEST = 2_000_000_000
"""Most bytes of all frames."""


@app.command()
def morph(
    run: RunFolder,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=600, help="Length of the animation.")
    ] = 4.0,
    seed: Seed = 0,
    label: Annotated[str | None, typer.Option(help="Class name or index.")] = None,
    grid: Annotated[
        str,
        typer.Option(
            metavar="ROWSxCOLUMNS",
            help="Several walks side by side; with classes each cell keeps one.",
        ),
    ] = "1x1",
    scale: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Whole factor; default: about 600 pixels wide."),
    ] = None,
    film: Annotated[
        Literal["gif", "webp", "mp4"] | None,
        typer.Option("--format", help="Default: by the name of the file."),
    ] = None,
    which: WhichModel = "best",
    exact: Exact = False,
    out: Annotated[
        Path | None, typer.Option(help="The film to write; default: morph.FORMAT.")
    ] = None,
) -> None:
    """Animate a walk through latent space (GIF, WebP, MP4)."""
    from ..images.films import PER_SECOND, format_of, write_film
    from ..images.sheets import enlarged, factor, side_by_side
    from ..storage import remote
    from ..storage.run import Run

    out = out or Path(f"morph.{film or 'gif'}")
    remote.here(out)
    Run.open(run)
    kind, (rows, columns) = format_of(out, film), _sides(grid)
    check_replaceable(out)
    sampler, fps = opened(run, which, exact), PER_SECOND[kind]
    height, width, channels = sampler.shape
    wide = columns * (width + 2) - 2
    times = scale or factor(wide)
    needed = seconds * fps * rows * (height + 2) * wide * channels * times**2
    if needed > LARGEST:
        raise UsageError(
            f"the film would need {needed / 1e9:.1f} GB of memory, {LARGEST / 1e9:g} are accepted: "
            "lower --seconds, --grid or --scale"
        )
    if rows * columns == 1:
        frames = sampler.walk(seconds, label, seed, fps)
    else:
        cells = sampler.walks(rows * columns, seconds, label, seed, fps)
        frames = side_by_side(cells, columns)
    with stage("writing the film"):
        write_film(out, enlarged(frames, times), seconds)
    typer.echo(str(out))


def _sides(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2})[x×](\d{1,2})", text)
    if not found or not int(found[1]) * int(found[2]):
        raise UsageError(f"--grid must be ROWSxCOLUMNS, such as 4x6, up to 99x99, got {text}")
    return int(found[1]), int(found[2])
