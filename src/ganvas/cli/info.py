"""`ganvas info`: versions, devices, caches; or what an image says of its origin."""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ..base.files import home
from ..base.own_files import text_fields
from ..base.printing import on_one_line
from .app import (
    Json,
    app,
    table,
    tensorflow,
)

OPTIONAL = (
    ("train", "tensorflow", "tensorflow"), ("edge", "ai_edge_litert", "ai-edge-litert"),
    ("edge", "uvicorn", "uvicorn"), ("onnx", "onnxruntime", "onnxruntime"),
)  # fmt: skip
"""Extra, module and package of what `ganvas info` looks for where TensorFlow is absent."""


@app.command()
def info(
    image: Annotated[
        Path | None,
        typer.Argument(help="An image or film: print what it says of its origin."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print versions, devices and caches, or the origin of an image."""
    facts = _origin(image) if image else _machine()
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        table([(on_one_line(name), on_one_line(str(value))) for name, value in facts.items()])


def _origin(path: Path) -> dict[str, Any]:
    from ..images import provenance, signing

    said = provenance.read(path)
    facts: dict[str, Any] = {"generated": "not said"}
    if said is not None:
        facts["generated"] = "yes" if said.generated else "no"
        facts |= {"digital source type": said.source_type or "none", **(said.aigc or {})}
    return facts | signing.found(path) | text_fields(path)


def _machine() -> dict[str, Any]:
    from ..base.cache import cache_folder

    facts: dict[str, Any] = {**_software(), "threads": os.cpu_count()}
    none, place = "none: there is no home folder", home()
    facts["cache"] = str(cache_folder() or f"{none}; set GANVAS_CACHE")
    keras_cache = place / ".keras" if place else f"{none}; set KERAS_HOME"
    facts["keras_cache"] = os.environ.get("KERAS_HOME", str(keras_cache))
    return facts


def _software() -> dict[str, Any]:
    """Versions, and TensorFlow's devices; without TensorFlow, what else is installed."""
    from ..base import extras

    if extras.installed("tensorflow"):
        tensorflow()
        from ..training.provenance import devices, versions

        return {**versions(), "devices": devices()}
    facts: dict[str, Any] = {"ganvas": __version__}
    for extra, module, package in OPTIONAL:
        there = extras.installed(module)
        hint = f"not installed: pip install 'ganvas[{extra}]'"
        facts[package] = metadata.version(package) if there else hint
    return {
        **facts,
        "numpy": metadata.version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
