"""`ganvas bench`: how fast each artefact is on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from .app import Json, WhichModel, app, table


@app.command()
def bench(
    target: Annotated[Path, typer.Argument(metavar="RUN|DIR", show_default=False)],
    seconds: Annotated[float, typer.Option(min=0.01, help="Of each measurement.")] = 1.0,
    which: WhichModel = "best",
    out: Annotated[Path, typer.Option(help="The chart to write, .svg or .png.")] = Path(
        "bench.svg"
    ),
    as_json: Json = False,
) -> None:
    """Latency and throughput of every artefact on this machine."""
    from ..exporting import benchmark

    benchmark.check_chart(out)
    rows = benchmark.bench(target, seconds=seconds, model=which)
    benchmark.chart(rows, out)
    if as_json:
        typer.echo(json.dumps({"rows": rows}))
    else:
        table(benchmark.table(rows))
    sys.stderr.write(f"{out}\n")
