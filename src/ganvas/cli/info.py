"""`ganvas info`: versions, devices, caches."""

from __future__ import annotations

import json
import os
from pathlib import Path

import typer

from .app import (
    Json,
    app,
    table,
    tensorflow,
)


@app.command()
def info(as_json: Json = False) -> None:
    """Print versions, devices, threads and cache folders."""
    tensorflow()
    from ..evaluation.samples import cache_folder
    from ..training.provenance import devices, versions

    facts = {**versions(), "devices": devices(), "threads": os.cpu_count()}
    facts["cache"] = str(cache_folder())
    facts["keras_cache"] = os.environ.get("KERAS_HOME", str(Path.home() / ".keras"))
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        table([(name, str(value)) for name, value in facts.items()])
