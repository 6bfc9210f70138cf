"""What the commands share: the application, words, TensorFlow without its notes."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from .. import __version__
from ..errors import UsageError

STOPPED = -130
"""Of a command that was interrupted and has said how to go on."""

app = typer.Typer(
    name="ganvas",
    help="Image GANs: from a folder of images to a trained, watched, resumable generator.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DATA_HELP = "Folder, FILE.npz, FILE.npy, shards, mnist, keras:NAME or tfds:NAME."
DataWord = Annotated[str, typer.Argument(help=DATA_HELP)]
RunFolder = Annotated[Path, typer.Argument(help="A run folder.")]
Values = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a recipe value.")
]
WhichModel = Annotated[
    Literal["best", "last"],
    typer.Option("--model", help="Of a run: by its scores on held-out images, or the newest."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=4096, help="Processes that share the work, by Ray.")
]
Address = Annotated[
    str | None,
    typer.Option(help="Of a Ray cluster, or auto; default: a Ray of our own on this machine."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


def table(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def by_ray(workers: int | None, address: str | None) -> bool:
    """Whether to work with Ray.

    Raises: UsageError: Ray is not installed, or there is a cluster and no number of workers.
    """
    if workers is None and address is not None:
        raise UsageError(f"--address {address} needs --workers N: how many should work there")
    if workers is not None:
        from ..scale import check_installed

        check_installed()
    return workers is not None


def counter(what: str):
    """A line that counts on a terminal, and nothing elsewhere."""

    def progress(done: int, count: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done}/{count} {what}" + "\n" * (done == count))

    return progress


def tensorflow():
    """The package with TensorFlow loaded, without the notes it prints on starting."""
    import ganvas

    with held_back_stderr():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()
        keras.config.disable_traceback_filtering()
    return ganvas


@contextlib.contextmanager
def held_back_stderr() -> Iterator[None]:
    """Keep what C++ writes to standard error, and show it only if something fails."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
