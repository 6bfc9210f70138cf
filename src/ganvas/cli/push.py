"""`ganvas push` and `ganvas card`: a model for a hub, and its card."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base.own_files import check_replaceable
from ..base.printing import on_one_line
from ..base.progress import stage
from .app import MODEL_HELP, Json, Training, WhichModel, app, held_back_stderr, tensorflow
from .completion import run_folders

Subject = Annotated[
    Path,
    typer.Argument(
        metavar="RUN|MODEL", help=MODEL_HELP, show_default=False, autocompletion=run_folders
    ),
]
License = Annotated[
    str | None,
    typer.Option(help="Identifier of a licence, such as apache-2.0; default: none is stated."),
]
UNLICENSED = "note: the card states no licence, so nobody may use the model: give --license\n"


@app.command(cls=Training)
def push(
    subject: Subject,
    to: Annotated[str, typer.Argument(metavar="hf://USER/NAME", show_default=False)],
    license: License = None,
    private: Annotated[
        bool, typer.Option("--private", help="A new repository is private.")
    ] = False,
    unvalidated: Annotated[
        bool, typer.Option("--unvalidated", help="Push a run even if its gate fails.")
    ] = False,
    which: WhichModel = "best",
    as_json: Json = False,
) -> None:
    """Send a model to a hub, with a card, samples and weights.

    A run is exported first. All files are one commit.
    """
    from ..base import extras
    from ..exporting.pushing import check
    from ..storage.manifest import is_model
    from ..storage.run import Run

    extras.check("hub", "ganvas push")
    check(to, license)
    if not is_model(subject):
        Run.open(subject)
    tensorflow()
    from ..exporting.pushing import push as send

    options = {} if is_model(subject) else {"unvalidated": unvalidated}
    with stage("pushing"), held_back_stderr():  # messages of the converters
        pushed = send(subject, to, license=license, private=private, model=which, **options)
    if license is None:
        sys.stderr.write(UNLICENSED)
    typer.echo(json.dumps(pushed.to_dict()) if as_json else pushed.address)


@app.command(cls=Training)
def card(
    subject: Subject,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, with samples.png beside it; default: print the card."),
    ] = None,
    license: License = None,
    which: WhichModel = "best",
) -> None:
    """Print or write the card of a model for a hub: README.md."""
    from ..exporting.hub_card import SAMPLES, check_license, hub_card
    from ..exporting.pushing import about_of, write_samples

    check_license(license)
    if out:
        check_replaceable(out, out.with_name(SAMPLES))
    about, name = about_of(subject, which)
    text = hub_card(about, name, license)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        write_samples(out.with_name(SAMPLES), subject, which)
    if license is None:
        sys.stderr.write(UNLICENSED)
    typer.echo(on_one_line(str(out)) if out else text, nl=bool(out))
