"""Commands of the privacy kit: audit, sample, split."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .app import DATA_HELP, Json, Lang, Seed, WhichModel, group, tensorflow
from .completion import run_folders

Subject = Annotated[
    str, typer.Argument(metavar="RUN|FOLDER", show_default=False, autocompletion=run_folders)
]

Embedder = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|general|none",
        help="Face embedder: a .keras, .h5 or .tflite file; default, if people are known: "
        "the bundled features.",
    ),
]
Identity = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv", help="CSV with columns path,identity: the person on each image."
    ),
]

privacy = group("privacy", "Measure what a generator leaks about its training images.")


@privacy.command()
def audit(
    subject: Subject,
    train: Annotated[
        str | None, typer.Option(help=f"Its training images; default: the run's. {DATA_HELP}")
    ] = None,
    holdout: Annotated[
        str | None, typer.Option(help="Images of other people; default: those held out.")
    ] = None,
    identity: Identity = None,
    embedder: Embedder = None,
    n: Annotated[
        int, typer.Option("-n", min=20, max=1_000_000, help="Images to draw, or to read.")
    ] = 10_000,
    alpha: Annotated[
        float, typer.Option(help="Probability of any false alarm, over all tests.")
    ] = 0.01,
    features: Annotated[
        str, typer.Option(help="auto, digits, general, none, or a model FILE.")
    ] = "auto",
    searches: Annotated[
        int, typer.Option(min=0, help="Images of each kind to search for in latent space.")
    ] = 200,
    search_steps: Annotated[int, typer.Option(min=1, help="Optimiser steps of each search.")] = 100,
    purpose: Annotated[str, typer.Option(help="Purpose of the processing, for the report.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report; default: RUN/privacy.")
    ] = None,
    seed: Seed = 0,
    which: WhichModel = "best",
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Attack a generator, or its images, and report the evidence. Exit 1: a leak was found."""
    a_run = (Path(subject) / "config.toml").is_file()
    if not a_run and (train is None or holdout is None):
        raise UsageError(
            f"{subject} is not a run, so that its training images are not known: give them by "
            "--train, and others by --holdout"
        )
    for file in (identity, embedder):
        named = file is embedder and str(file) in ("general", "none")
        if file and not named and not file.is_file():
            raise UsageError(f"the file {file} does not exist: check its path")
    tensorflow()
    from ..kits import privacy as kit

    results = kit.audit(
        subject, train, holdout, identity=identity, embedder=embedder, n=n, alpha=alpha,
        features=features, searches=searches, search_steps=search_steps, out=out, seed=seed,
        model=which, purpose=purpose, progress=True,
    )  # fmt: skip
    folder = out or (Path(subject) / "privacy" if a_run else None)
    if folder:
        page, _ = kit.write_report(folder, results, lang)
        sys.stderr.write(f"{page}\n")
    typer.echo(json.dumps(results.to_dict()) if as_json else kit.table(results))
    return 1 if results.found else 0


@privacy.command()
def sample(
    run: Annotated[
        str, typer.Argument(metavar="RUN", show_default=False, autocompletion=run_folders)
    ],
    out: Annotated[Path, typer.Option(help="Folder to make, of PNG files.")],
    train: Annotated[
        str | None, typer.Option(help="Its training images; default: the run's.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1_000_000, help="Images to deliver.")] = 64,
    near: Annotated[
        float,
        typer.Option(
            help="Refuse an image whose distance to a training image is below this share of its "
            "distance to the next ten."
        ),
    ] = 0.5,
    seed: Seed = 0,
    which: WhichModel = "best",
    as_json: Json = False,
) -> None:
    """Draw images and leave out near-copies of training images."""
    tensorflow()
    from ..kits import privacy as kit
    from ..storage.run import Run

    found = kit.deliver(run, out, train, n=n, near=near, seed=seed, model=which)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        typer.echo(f"{out}: {found.delivered} images, {found.left_out} near-copies left out")
    if (Path(run) / "config.toml").is_file() and Run.open(run).info.get("privacy"):
        sys.stderr.write(
            "note: the selection depends on the training images, so that the privacy bound of the "
            "run does not cover it; the bound covers images drawn by `ganvas sample`\n"
        )


@privacy.command()
def split(
    data: Annotated[str, typer.Argument(help=f"Sorted by person. {DATA_HELP}")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="train.npz and holdout.npz go here.")],
    size: Annotated[int | None, typer.Option(min=16, max=256, help="Side in pixels.")] = None,
    share: Annotated[float, typer.Option(help="Share of people to hold out.")] = 0.5,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Split images by person: nobody is in both parts."""
    tensorflow()
    from ..kits import privacy as kit

    parts = kit.split(data, to, share=share, size=size, seed=seed)
    if as_json:
        typer.echo(json.dumps(parts.to_dict()))
        return
    for name, part in (("train", parts.train), ("holdout", parts.holdout)):
        typer.echo(f"{to}/{name}.npz: {part.images} images of {part.people} people")
