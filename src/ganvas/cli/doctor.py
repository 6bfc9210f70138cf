"""`ganvas doctor`: what fails in a run, and what fixes it."""

from __future__ import annotations

import json

import typer

from .app import Json, RunFolder, app


@app.command()
def doctor(run: RunFolder, as_json: Json = False) -> int:
    """Say whether a run is healthy, what ails it, why, and what helps. Exit 1: it is sick."""
    from ..doctor import as_json as report, examine_run, sheet, sick, since_cure
    from ..storage.run import Run

    patient = Run.open(run)
    findings = examine_run(patient)
    if as_json:
        typer.echo(json.dumps(report(findings)))
    else:
        healed = patient.info.get("healed", [])
        typer.echo(sheet(str(run), since_cure(patient.rows()), findings, healed))
    return 1 if sick(findings) else 0
