"""`ganvas doctor`: failures of a run, and their fixes."""

from __future__ import annotations

import json

import typer

from .app import Json, RunFolder, app


@app.command()
def doctor(run: RunFolder, as_json: Json = False) -> int:
    """Show whether a run is healthy: failures, evidence and fixes. Exit 1: a failure is certain."""
    from ..doctor import diagnose, health_report, since_fix
    from ..storage.run import Run

    examined = Run.open(run)
    diagnosis = diagnose(examined)
    if as_json:
        typer.echo(json.dumps(diagnosis.to_dict(), allow_nan=False))
    else:
        healed = examined.info.get("healed", [])
        rows = since_fix(examined.rows())
        typer.echo(health_report(str(run), rows, diagnosis, healed))
    return 1 if diagnosis.healthy is False else 0
