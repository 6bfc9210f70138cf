"""`ganvas report`: the page of a run, a model or a folder of runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base.printing import on_one_line
from .app import Json, Lang, Training, app
from .completion import run_folders


@app.command(cls=Training)
def report(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|MODEL|FOLDER", show_default=False, autocompletion=run_folders,
            help="A run, a model, the folder of another command, or a folder of runs.",
        ),
    ],
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    lang: Lang = "en",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Write or show the report of a run, or an index of runs."""
    from ..evaluation.run_pages import find, in_language

    page, sentence = find(place, lang)
    if as_json:
        typer.echo(json.dumps({"report": str(page), "sentence": sentence or None}))
    else:
        for line in filter(None, (sentence, str(page))):
            typer.echo(on_one_line(line))
    if page.suffix == ".html" and not in_language(page, lang):
        where = on_one_line(str(place))
        sys.stderr.write(
            f"note: the page has another language: the command that wrote {where}, with "
            f"--lang {lang}, writes it again\n"
        )
    if show:
        import webbrowser

        if not webbrowser.open(page.absolute().as_uri()):
            sys.stderr.write(f"note: no browser was found: open {on_one_line(str(page))}\n")
