"""`ganvas runs`: list the runs of a folder, or compare two."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..base.printing import on_one_line
from .app import Json, app, table
from .completion import run_folders

if TYPE_CHECKING:
    from ..storage.summary import RunComparison, RunSummary

PLACE = Path("runs")
LONGEST = 200
"""Most characters of a value in a comparison."""


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds runs.")] = PLACE,
    sort: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            help="name, recipe, kimg, seconds, score, size or state.",
            autocompletion=lambda: list(_sorts()),
        ),
    ] = "name",
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="RUN RUN", help="Show where two runs differ.", autocompletion=run_folders
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List runs: progress, best score, size, state; compare two."""
    from ..storage.run import Run
    from ..storage.summary import check_sort, compare as compare_runs, summaries

    if compare is not None:
        found = compare_runs(*map(Run.open, compare))
        if as_json:
            typer.echo(json.dumps(found.to_dict()))
        else:
            _print_comparison(found)
        return
    check_sort(sort)
    missing = folder == PLACE and not folder.exists()
    listed = [] if missing else summaries(folder, sort)
    if as_json:
        typer.echo(json.dumps({"runs": [one.to_dict() for one in listed]}))
    elif not listed:
        name = on_one_line(str(folder))
        typer.echo(f"no runs in {name}/ yet: `ganvas train photos/` makes the first")
    else:
        _print_list(listed)


def _sorts() -> tuple[str, ...]:
    from ..storage.summary import SORTS

    return SORTS


def _print_list(listed: list[RunSummary]) -> None:
    lines = [("run", "recipe", "kimg", "min", "best", "MB", "state")]
    for one in listed:
        kimg = f"{one.kimg:g}" + (f"/{one.target_kimg:g}" if one.target_kimg else "")
        lines.append(
            (one.name, one.recipe or "?", kimg, f"{one.seconds / 60:.1f}", _best(one),
             f"{one.size_mb:.0f}", one.state)
        )  # fmt: skip
        for sentence in one.faults:
            sys.stderr.write(f"note: {on_one_line(sentence)}\n")
    table(lines)


def _best(one: RunSummary) -> str:
    return "" if one.value is None else f"{one.score} {one.value:.3g}"


def _short(text: str) -> str:
    """Without most of the configuration of a Keras model."""
    return text if len(text) <= LONGEST else f"{text[:57]}..."


def _print_comparison(found: RunComparison) -> None:
    from ..config.keys import shown

    first, second = found.runs
    same_name = first.name == second.name
    lines = [("", *((one.folder if same_name else one.name) for one in found.runs))]
    facts: list[tuple[str, Any, Any]] = [("recipe", first.recipe, second.recipe)]
    facts += [(key, *values) for key, values in found.keys.items() if key != "recipe"]
    lines += [(key, *(_short(shown(value)) for value in values)) for key, *values in facts]
    for name, scores in found.scores.items():
        lines.append((name, *("" if score is None else f"{score:.4g}" for score in scores)))
    lines.append(("best at kimg", *("" if one.at_kimg is None else f"{one.at_kimg:g}"
                                    for one in found.runs)))  # fmt: skip
    lines.append(("kimg so far", *(f"{one.kimg:g}" for one in found.runs)))
    lines.append(("seconds", *(f"{one.seconds:.0f}" for one in found.runs)))
    lines.append(("MB on disk", *(f"{one.size_mb:.0f}" for one in found.runs)))
    lines.append(("state", *(one.state for one in found.runs)))
    table(lines)
    if found.comparable is False:
        sys.stderr.write(
            "note: these scores do not compare: they have other features or other real images\n"
        )
