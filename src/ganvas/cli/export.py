"""`ganvas export`: a version of a model, each file checked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..base.progress import stage
from .app import (
    Json,
    Lang,
    RunFolder,
    Training,
    WhichModel,
    app,
    held_back_stderr,
    table,
    tensorflow,
)


@app.command(cls=Training)
def export(
    run: RunFolder,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the model and its versions.")],
    formats: Annotated[
        str, typer.Option(help="Separated by commas: saved_model, litert, onnx.")
    ] = "saved_model,litert",
    version: Annotated[
        int | None, typer.Option(min=1, help="N of DIR/N; default: the next free one.")
    ] = None,
    unvalidated: Annotated[
        bool, typer.Option("--unvalidated", help="Publish even if the run's gate fails.")
    ] = False,
    which: WhichModel = "best",
    data: Annotated[
        str | None, typer.Option(help="Real images for scores; default: the run's own.")
    ] = None,
    deploy: Annotated[
        bool, typer.Option("--deploy", help="Also DIR/deploy: a container of `ganvas serve`.")
    ] = False,
    drift: Annotated[
        bool, typer.Option("--drift", help="Also what `ganvas serve --drift` compares images with.")
    ] = False,
    lang: Lang = "en",
    as_json: Json = False,
) -> None:
    """Export a model: SavedModel, LiteRT, ONNX, each file checked.

    Writes DIR/N/, with a manifest and a model card.
    """
    from ..data.naming import check_named
    from ..exporting.formats import check
    from ..exporting.publish import check_free
    from ..exporting.quantizers import AI_EDGE, WITHOUT
    from ..storage import manifest
    from ..storage.run import Run

    names = check(name.strip() for name in formats.split(",") if name.strip())
    check_free(to, version)
    Run.open(run)
    check_named(data)
    ganvas = tensorflow("export")
    with stage("exporting"), held_back_stderr():  # messages of the converters
        folder = ganvas.export(
            run, to, formats=names, version=version, unvalidated=unvalidated, model=which,
            data=data, deploy=deploy, drift=drift, lang=lang,
        )  # fmt: skip
    facts = manifest.verify(folder)
    for artefact, why in facts["withheld"].items():
        sys.stderr.write(f"note: {artefact} is not published: {'; '.join(why)}\n")
    if facts.get("quantizers", {}).get(AI_EDGE, "") is None:
        sys.stderr.write(f"note: {WITHOUT}\n")
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **facts}))
    else:
        table([("artefact", "kB", "PSNR dB", "ms"), *map(_line, facts["artefacts"].items())])
        typer.echo(str(folder))


def _line(artefact: tuple[str, dict[str, Any]]) -> tuple[str, ...]:
    name, found = artefact
    latency = found.get("latency_ms", {}).get("1")
    spent = "" if latency is None else f"{latency:.3g}"
    return name, f"{found['bytes'] / 1000:,.0f}", f"{found['psnr']:.1f}", spent
