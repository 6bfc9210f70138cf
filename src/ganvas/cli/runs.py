"""`ganvas runs`: list the runs of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .app import (
    app,
    table,
)

if TYPE_CHECKING:
    from ..storage.run import Run


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds runs.")] = Path("runs"),
) -> None:
    """List runs: recipe, progress, best score, status."""
    from ..storage.run import list_runs

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


def _best(run: Run) -> str:
    best = run.best
    return f"{best['by']} {best[best['by']]:.3g} at {best['kimg']:g} kimg" if best else ""
