"""The command line: parse, call one function, print.

TensorFlow is imported only by what needs it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from . import __version__
from .errors import Advice, ConfigError, GanvasError, UsageError

app = typer.Typer(
    name="ganvas",
    help="Image GANs: from a folder of images to a trained, watched, resumable generator.",
    no_args_is_help=True,
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
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def run_command(arguments: list[str]) -> int:
    """Run one command; errors are one line on standard error. Returns the exit code."""
    debug = "--debug" in arguments
    warnings.showwarning = _note
    try:
        return app([a for a in arguments if a != "--debug"], standalone_mode=False) or 0
    except GanvasError as error:
        if debug:
            raise
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except OSError as error:
        if debug:
            raise
        where = f" ({error.filename})" if error.filename else ""
        return _complain(f"{error.strerror or error}{where}: mend that and try again", 2)
    except Exception as error:
        # Typer's usage errors: an unknown command or option, a missing argument.
        if debug or not hasattr(error, "format_message"):
            raise
        message = error.format_message().rstrip(".").replace("\n", " ")
        return _complain(f"{message}; `ganvas --help` lists what there is", 2)


def _note(message, category, *place, **options) -> None:
    if issubclass(category, Advice):
        sys.stderr.write(f"note: {message}\n")


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write("error: " + " ".join(sentence.split()) + "\n")
    return code


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


@app.command()
def train(
    data: Annotated[str | None, typer.Argument(help=DATA_HELP + " Default: the recipe's.")] = None,
    recipe: Annotated[str, typer.Option(help="Its name, or a .toml file.")] = "quick",
    values: Values = None,
    run: Annotated[Path | None, typer.Option(help="The run folder to make.")] = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Start from its weights.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the data, time a few steps, predict.")
    ] = False,
) -> int:
    """Train a GAN on images."""
    from .config import load_recipe, parse_set

    # The recipe first: a misspelt key answers at once, before TensorFlow and the images.
    config = load_recipe(recipe).with_values(parse_set(values or []))
    ganvas = _tensorflow()
    if dry_run:
        return _rehearse(ganvas.rehearse(data, config))
    return _finished(ganvas.train(data, config, run=run, start_from=start_from))


@app.command()
def resume(run: RunFolder, values: Values = None) -> int:
    """Go on exactly where a run stopped."""
    from .config import parse_set
    from .runs import Run

    old = Run.open(run)
    if old.info.get("status") == "finished" and not values:
        typer.echo(f"{run} is finished; `--set train.kimg=...` trains it longer")
        return 0
    return _finished(_tensorflow().resume(run, set=parse_set(values or [])))


def _finished(run) -> int:
    row = (run.rows() or [{"kimg": 0, "seconds": 0}])[-1]
    if run.status() == "interrupted":
        sys.stderr.write(f"stopped at {row['kimg']:g} kimg; go on: ganvas resume {run.folder}\n")
        return 130
    typer.echo(
        f"{run.folder}: {row['kimg']:g} kimg in {row['seconds']:.0f} s of training; "
        f"pictures in {run.folder}/samples"
    )
    return 0


def _rehearse(report: dict) -> int:
    typer.echo(report.pop("config").rstrip() + "\n")
    for name, value in report.items():
        typer.echo(f"{name}: {value}")
    return 0


@app.command()
def runs(folder: Annotated[Path, typer.Argument(help="Where runs lie.")] = Path("runs")) -> None:
    """List runs: recipe, progress, state."""
    from .runs import list_runs

    lines = [("run", "recipe", "kimg", "seconds", "state")]
    for run in list_runs(folder):
        row = (run.rows() or [{"kimg": 0, "seconds": 0}])[-1]
        kimg, seconds = f"{row['kimg']:g}", f"{row['seconds']:.0f}"
        try:
            config = run.config
        except ConfigError:
            lines.append((run.folder.name, "?", kimg, seconds, "damaged"))
            continue
        kimg += f"/{config.train.kimg:g}"
        lines.append((run.folder.name, config.recipe, kimg, seconds, run.status()))
    _table(lines)


@app.command()
def recipes(name: Annotated[str | None, typer.Argument(help="Print this one.")] = None) -> None:
    """List the recipes with their cost and proven score, or print one."""
    from .config import recipe_header, recipe_names, recipe_text

    if name:
        typer.echo(recipe_text(name).rstrip())
        return
    for one in recipe_names():
        header = recipe_header(one)
        typer.echo(f"{one}: {header.get('what', '')}")
        typer.echo(f"    cost {header.get('cost', '?')}; score {header.get('score', '?')}")


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="A run folder.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many images.")] = 64,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    label: Annotated[str | None, typer.Option(help="A class, by name or index.")] = None,
    truncation: Annotated[float, typer.Option(help="Below 1: more typical, less varied.")] = 1.0,
    out: Annotated[Path, typer.Option(help="grid.png, or a folder.")] = Path("grid.png"),
) -> None:
    """Draw images: one grid, or one PNG each into a folder."""
    from .runs import Run

    Run.open(model)
    ganvas = _tensorflow()
    from . import images

    pictures = ganvas.load(model).sample(n, label, seed, truncation)
    about = {"model": str(model), "seed": str(seed), "truncation": str(truncation)}
    about |= {"label": label} if label else {}
    if out.suffix.lower() == ".png":
        out.parent.mkdir(parents=True, exist_ok=True)
        images.write_png(out, images.grid(pictures), about)
    else:
        out.mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(pictures):
            images.write_png(out / f"{index:06d}.png", picture, {**about, "index": str(index)})
    typer.echo(str(out))


@app.command()
def morph(
    run: RunFolder,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="Length of the film.")] = 4.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    label: Annotated[str | None, typer.Option(help="A class, by name or index.")] = None,
    out: Annotated[Path, typer.Option(help="The GIF to write.")] = Path("morph.gif"),
) -> None:
    """Film a walk through latent space."""
    from .runs import Run

    Run.open(run)
    if out.suffix.lower() != ".gif":
        raise UsageError(f"--out {out}: morph writes a GIF; give a name that ends in .gif")
    ganvas = _tensorflow()
    from . import images

    frames = ganvas.load(run).walk(seconds, seed=seed, label=label)
    out.parent.mkdir(parents=True, exist_ok=True)
    images.write_gif(out, frames, seconds)
    typer.echo(str(out))


@app.command()
def prepare(
    data: DataWord,
    to: Annotated[Path, typer.Option(help="The folder to make.")],
    size: Annotated[int | None, typer.Option(min=4, help="Side in pixels.")] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="Size of a shard.")] = 256,
) -> None:
    """Check images and pack them into sharded TFRecords."""
    _tensorflow()
    from .data import Options
    from .data import prepare as pack

    pack(data, to, Options(size=size), shard_mb=shard_mb)
    index = json.loads((to / "index.json").read_text())
    typer.echo(f"{to}: {index['count']} images in {len(index['shards'])} shards")


@app.command()
def info(as_json: Json = False) -> None:
    """Versions, devices, threads, where caches are."""
    _tensorflow()
    from .training import devices, versions

    facts = {**versions(), "devices": devices(), "threads": os.cpu_count()}
    facts["keras_cache"] = os.environ.get("KERAS_HOME", str(Path.home() / ".keras"))
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        _table([(name, str(value)) for name, value in facts.items()])


def _table(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def _tensorflow():
    """The package with TensorFlow loaded, without the notes it prints on starting."""
    import ganvas

    with _held_back_stderr():
        import keras
        import tensorflow as tf

        tf.config.list_physical_devices()
        keras.config.disable_traceback_filtering()
    return ganvas


@contextlib.contextmanager
def _held_back_stderr() -> Iterator[None]:
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
