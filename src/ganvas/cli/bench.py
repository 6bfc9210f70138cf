"""`ganvas bench`: latency and throughput of each artefact on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base import extras
from ..base.own_files import check_replaceable
from .app import MODEL_HELP, Json, WhichModel, app, table
from .completion import run_folders

NO_CHART = "no chart: matplotlib is not installed: pip install 'ganvas[train]'\n"


@app.command()
def bench(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|DIR", help=MODEL_HELP, show_default=False, autocompletion=run_folders
        ),
    ],
    seconds: Annotated[float, typer.Option(min=0.01, help="Duration of each measurement.")] = 1.0,
    which: WhichModel = "best",
    out: Annotated[
        Path | None, typer.Option(help="Chart to write, .svg or .png; default bench.svg.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure latency and throughput of artefacts on this machine."""
    from ..exporting import benchmark

    if out:
        extras.check("train", "the chart --out", "omit --out")
    drawn = extras.installed("matplotlib")
    out = out or Path("bench.svg")
    benchmark.check_chart(out)
    check_replaceable(out)
    timings = benchmark.bench(target, seconds=seconds, model=which)
    if drawn:
        benchmark.chart(timings, out)
    if as_json:
        typer.echo(json.dumps({"rows": [one.to_dict() for one in timings]}, allow_nan=False))
    else:
        table(benchmark.table(timings))
    sys.stderr.write(f"{out}\n" if drawn else NO_CHART)
