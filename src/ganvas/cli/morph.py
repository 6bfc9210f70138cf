"""`ganvas morph`: a film through latent space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..base.own_files import check_replaceable
from ..errors import UsageError
from .app import (
    RunFolder,
    Seed,
    WhichModel,
    app,
    tensorflow,
)


@app.command()
def morph(
    run: RunFolder,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=600, help="Length of the animation.")
    ] = 4.0,
    seed: Seed = 0,
    label: Annotated[str | None, typer.Option(help="Class name or index.")] = None,
    which: WhichModel = "best",
    out: Annotated[Path, typer.Option(help="GIF file to write.")] = Path("morph.gif"),
) -> None:
    """Animate a walk through latent space (GIF)."""
    from ..storage import remote
    from ..storage.run import Run

    remote.here(out)
    Run.open(run)
    if out.suffix.lower() != ".gif":
        raise UsageError(f"--out {out}: morph writes a GIF; give a name that ends in .gif")
    check_replaceable(out)
    ganvas = tensorflow()
    from .. import images

    frames = ganvas.load(run, which).walk(seconds, seed=seed, label=label)
    out.parent.mkdir(parents=True, exist_ok=True)
    images.write_gif(out, frames, seconds)
    typer.echo(str(out))
