"""`ganvas evaluate`: scores with intervals, and a report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base.own_files import check_replaceable
from ..base.printing import on_one_line
from ..errors import UsageError
from ..storage import hub, remote
from .app import DATA_HELP, Json, Labels, Lang, Seed, Training, WhichModel, app, tensorflow
from .completion import run_folders


@app.command(cls=Training)
def evaluate(
    subjects: Annotated[
        list[str],
        typer.Argument(metavar="RUN|FOLDER ...", show_default=False, autocompletion=run_folders),
    ],
    data: Annotated[str | None, typer.Option(help=f"Real images. {DATA_HELP}")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Scores, separated by commas; default: all.")
    ] = None,
    n: Annotated[
        int, typer.Option("-n", min=10, help="Maximum number of images of each kind.")
    ] = 10_000,
    features: Annotated[
        str, typer.Option(help="auto, digits, general, or a model FILE (.keras, .tflite).")
    ] = "auto",
    seed: Seed = 0,
    which: WhichModel = "best",
    labels: Labels = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Score generated images against real ones; a run gets a report. Exit 1: the gate failed."""

    for subject in subjects:
        if _is_run(subject) and not remote.address(subject):
            check_replaceable(*(Path(subject) / name for name in ("report.html", "report.md")))
        if data is None and not _is_run(subject):
            raise _no_images(subject)
    names = [name.strip() for name in metrics.split(",")] if metrics else None
    _check(data, names, features, labels)
    tensorflow()
    from ..evaluation import Evaluation, comparison_table, evaluate, scores_table, write_report
    from ..evaluation.score_report import EVALUATION
    from ..storage.run import Run

    results: dict[str, Evaluation] = {}
    for subject in subjects:
        result = evaluate(
            subject, data, metrics=names, n=n, features=features, seed=seed, model=which,
            labels=str(labels) if labels else None, progress=True,
        )  # fmt: skip
        if _is_run(subject) and not hub.is_hub(remote.address(subject)):
            run = Run.open(subject)
            pages = write_report(run, result, lang)
            if address := remote.address(subject):
                for page in (*pages, run.folder / EVALUATION):
                    remote.Store(address).put(page, page.name)
            sys.stderr.write(on_one_line(f"{run.where}/{pages[0].name}") + "\n")
        results[subject] = result
    if as_json:
        found = {subject: result.to_dict() for subject, result in results.items()}
        typer.echo(json.dumps(found if len(found) > 1 else found[subjects[0]], allow_nan=False))
    elif len(results) > 1:
        typer.echo(comparison_table(results))
    else:
        typer.echo(scores_table(results[subjects[0]]))
    failed = [(s, sentence) for s, r in results.items() for sentence in r.gate.failed]
    for subject, sentence in failed:
        sys.stderr.write(on_one_line(f"{subject}: {sentence}") + "\n")
    return 1 if failed else 0


def _check(data: str | None, metrics: list[str] | None, features: str, labels: Path | None) -> None:
    """Refuse wrong names before TensorFlow is imported."""
    from ..data.naming import check_labels, check_named
    from ..features.names import check_features

    check_named(data)
    check_labels(str(labels) if labels else False)
    check_features(features)
    if metrics:
        from ..evaluation.scores import check_names

        check_names(metrics)


def _is_run(subject: str) -> bool:
    return bool(remote.address(subject)) or (Path(subject) / "config.toml").is_file()


def _no_images(subject: str) -> UsageError:
    """The error for what is no run, without other real images."""
    from ..storage.run import Run

    if not Path(subject).exists():
        Run.open(subject)  # it names the run that may be meant
    return UsageError(
        f"{subject} is not a run, so there are no real images to compare with: give them by --data"
    )
