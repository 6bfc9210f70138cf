"""`ganvas studio`: a page in the browser for runs, models and images of a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import typer

from ..base.printing import on_one_line
from ..base.progress import current
from .app import app
from .verbosity import Command


class InBrowser(Command):
    """`ganvas studio` needs a server, and TensorFlow for its jobs."""

    extras: ClassVar[tuple[str, ...]] = ("studio",)


@app.command(cls=InBrowser)
def studio(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Holds uploads, runs and models.")
    ] = Path(),
    host: Annotated[
        str, typer.Option(help="0.0.0.0 accepts browsers of other machines.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 7860,
    lang: Annotated[
        Literal["auto", "en", "zh"], typer.Option(help="Language; auto: that of the browser.")
    ] = "auto",
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name by which browsers address it, with --host."),
    ] = None,
    max_upload_mb: Annotated[float, typer.Option(min=1, help="Largest upload in MB.")] = 4096,
) -> int:
    """Train, look, compare, export in the browser; Ctrl-C ends it."""
    from ..studio.server import StudioOptions, serve

    def started(address: str) -> None:
        typer.echo(f"studio of {on_one_line(str(folder.absolute()))}:")
        typer.echo(address)
        sys.stdout.flush()
        if show:
            import webbrowser

            webbrowser.open(address)

    def stopping(jobs: int) -> None:
        typer.echo(f"stopping {jobs} job{'s' * (jobs != 1)}; a training can be resumed")

    if reporter := current():
        reporter.quiet = True  # what the page draws is no work of the terminal
    options = StudioOptions(host, port, tuple(allowed_host or ()), lang, max_upload_mb)
    return serve(folder, options, started, stopping)
