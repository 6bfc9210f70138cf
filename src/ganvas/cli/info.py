"""`ganvas info`: versions, devices, caches."""

from __future__ import annotations

import json
import os

import typer

from ..base.files import home
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
    from ..base.cache import cache_folder
    from ..training.provenance import devices, versions

    facts = {**versions(), "devices": devices(), "threads": os.cpu_count()}
    none, place = "none: there is no home folder", home()
    facts["cache"] = str(cache_folder() or f"{none}; set GANVAS_CACHE")
    keras_cache = place / ".keras" if place else f"{none}; set KERAS_HOME"
    facts["keras_cache"] = os.environ.get("KERAS_HOME", str(keras_cache))
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        table([(name, str(value)) for name, value in facts.items()])
