"""`ganvas runs`: list the runs of a folder."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.printing import on_one_line
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
    """List runs: recipe, progress, best score, status. A damaged run is listed with a note."""
    from ..storage.run import list_runs

    lines = [("run", "recipe", "kimg", "seconds", "best", "state")]
    for run in list_runs(folder):
        row = (run.rows() or [{}])[-1]
        kimg, seconds = f"{row.get('kimg', 0):g}", f"{row.get('seconds', 0):.0f}"
        faults, recipe = run.faults(), "?"
        with contextlib.suppress(ConfigError):
            config = run.config
            recipe, kimg = config.recipe, f"{kimg}/{config.train.kimg:g}"
        state = "damaged" if faults else run.status()
        lines.append((run.folder.name, recipe, kimg, seconds, _best(run), state))
        for sentence in faults:
            sys.stderr.write(f"note: {on_one_line(sentence)}\n")
    table(lines)


def _best(run: Run) -> str:
    best = run.best
    return f"{best['by']} {best[best['by']]:.3g} at {best['kimg']:g} kimg" if best else ""
