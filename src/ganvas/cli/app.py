"""Shared by all commands: the application, common options, TensorFlow without its messages."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .. import __version__
from ..base.logs import held_back_stderr as held_back_stderr
from ..base.printing import on_one_line
from ..base.progress import stage
from ..errors import UsageError
from .completion import run_folders, set_keys
from .verbosity import App, Group, Training as Training

if TYPE_CHECKING:
    from ..sampling.drawing import Drawing
    from ..storage.run import Run

STOPPED = -130
"""Exit code, inside the package, of an interrupted command that has printed how to resume."""

GROUPS = {
    "Train": ("train", "resume", "recipes", "config", "init", "prepare", "pretrained", "tune"),
    "Inspect": ("studio", "runs", "report", "doctor", "sample", "morph", "info"),
    "Evaluate": ("evaluate",),
    "Ship": ("export", "bench", "serve", "card", "push"),
    "Jobs": ("defects", "balance", "privacy", "patterns"),
}
"""The commands, in the order in which `ganvas --help` lists them."""


class Grouped(Group):
    """The commands of `ganvas`, under headings."""

    def list_commands(self, ctx: Any) -> list[str]:
        listed = [name for names in GROUPS.values() for name in names]
        return [*listed, *(name for name in super().list_commands(ctx) if name not in listed)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(len(name) for names in GROUPS.values() for name in names)
        limit = formatter.width - 6 - width
        for heading, names in GROUPS.items():
            rows = [
                (name.ljust(width), command.get_short_help_str(limit))
                for name in names
                if (command := self.get_command(ctx, name))
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)


app = App(
    name="ganvas",
    cls=Grouped,
    help="Train image GANs: from a folder of images to a trained generator, with monitoring and "
    "exact resume.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

DATA_HELP = "Folder, zip or tar of one, FILE.npz, FILE.npy, shards, mnist, keras:NAME or tfds:NAME."
DataArgument = Annotated[str, typer.Argument(help=DATA_HELP)]
MODEL_HELP = "A run folder, or an exported model."
RunFolder = Annotated[Path, typer.Argument(help="A run folder.", autocompletion=run_folders)]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a recipe value; see `ganvas config`.",
        autocompletion=set_keys,
    ),
]  # fmt: skip
WhichModel = Annotated[
    Literal["best", "last"],
    typer.Option("--model", help="Of a run: best by its scores on held-out images, or the last."),
]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact",
        help="From the Keras file or SavedModel, by TensorFlow: seconds slower; else from the "
        "LiteRT file of a run's best model or of an exported model, within a grey level.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, max=4096, help="Number of worker processes, by Ray.")
]
Address = Annotated[
    str | None,
    typer.Option(help="Address of a Ray cluster, or auto; default: a local Ray."),
]
Labels = Annotated[
    Path | None,
    typer.Option(metavar="FILE.csv", help="CSV with columns path,label: the class of each image."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Lang = Annotated[
    Literal["en", "zh"],
    typer.Option(
        "--lang", envvar="GANVAS_LANG", help="Language of what is written for people; the terminal "
        "and JSON stay English.",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="First import this module with your own parts.",
        ),
    ] = None,
) -> None:
    if modules:
        from ..config.build import import_modules

        import_modules(modules)
    if os.environ.get("GANVAS_C2PA_CERTIFICATE") or os.environ.get("GANVAS_C2PA_KEY"):
        from ..images import signing

        signing.check()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(hidden=True)
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command("help", hidden=True)
def help_of(
    names: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]...")] = None,
) -> None:
    """Print the help of a command, or of all."""
    app([*(names or ()), "--help"], prog_name="ganvas", standalone_mode=False)


def group(name: str, purpose: str) -> typer.Typer:
    """A command with sub-commands, which train; without one it prints its help."""

    def show(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    made = App(rich_markup_mode=None, cls=Group)
    made.kind = Training
    made.callback(invoke_without_command=True, help=purpose)(show)
    app.add_typer(made, name=name)
    return made


def table(lines: Sequence[tuple[str, ...]]) -> None:
    """Print rows in aligned columns; the first row is the header."""
    from ..reports.tables import aligned

    typer.echo(aligned(lines))


def by_ray(workers: int | None, address: str | None) -> bool:
    """Whether to use Ray.

    Raises: UsageError: Ray is not installed, or an address is given without a number of workers.
    """
    if workers is None and address is not None:
        raise UsageError(f"--address {address} needs --workers N: give the number of workers")
    if workers is not None:
        from ..cluster import check_installed

        check_installed()
    return workers is not None


def tensorflow(*names: str) -> Any:
    """The package with TensorFlow loaded, without TensorFlow's messages at its start.

    Args:
        names: public functions that are needed and imported with it.
    """
    import ganvas

    with stage("importing TensorFlow"), held_back_stderr():
        with hidden("matplotlib", "pandas"):
            import keras
        import tensorflow as tf

        tf.config.list_physical_devices()
        keras.config.disable_traceback_filtering()
        for name in names:
            getattr(ganvas, name)
    return ganvas


def opened(model: Path, which: str, exact: bool) -> Drawing:
    """What draws from a run or an exported model; from the LiteRT file of a run's best model or of
    an exported model, without TensorFlow, if there is one.

    Args:
        exact: only from the generator itself.
    """
    if which == "best" and not exact:
        from ..sampling.litert_sampler import load

        if found := load(model):
            return found
    return tensorflow("load").load(model, which)


@contextlib.contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Packages that count as not installed meanwhile, unless they are imported already.

    Keras imports these two for its plots and for tables as data, which no command uses: a fifth of
    the CPU time of a command's start.
    """
    absent = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(absent))
    try:
        yield
    finally:
        for name in absent:
            del modules[name]


def finished(run: Run) -> int:
    """Print the result of a run. Returns the exit code."""
    row = {"kimg": 0, "seconds": 0} | (run.rows() or [{}])[-1]
    where = on_one_line(run.where)
    if run.status() == "interrupted":
        sys.stderr.write(f"stopped at {row['kimg']:g} kimg; resume: ganvas resume {where}\n")
        return STOPPED
    typer.echo(
        f"{where}: {row['kimg']:g} kimg in {row.get('wall_seconds', row['seconds']):.0f} s, "
        f"{row['seconds']:.0f} s of them in training steps; images in {where}/samples"
    )
    if line := _best(run):
        typer.echo(on_one_line(line))
    return 0


def _best(run: Run) -> str:
    """The best model, the score that selected it, and what real images get; without scores ""."""
    from ..evaluation.base import called
    from ..reports.tables import number

    best = run.best
    if not best:
        return ""
    by = best["by"]
    name = called(by, best.get("against", ""))
    floor = (best.get("floor") or {}).get(by)
    real = f", where real images get {number(floor)}" if isinstance(floor, (int, float)) else ""
    return (
        f"best model: {name} {number(best[by])}{real}, at {best['kimg']:g} kimg; selected "
        f"{best.get('selection', f'by {by}')}; `ganvas evaluate {run.where}` says what its images "
        "are"
    )
