"""The command for rare classes: balance."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..base.printing import on_one_line
from ..errors import UsageError
from .app import (
    DATA_HELP,
    STOPPED,
    DataArgument,
    Json,
    Lang,
    Seed,
    Training,
    Values,
    app,
    table,
    tensorflow,
)
from .completion import recipe_names

if TYPE_CHECKING:
    from ..kits.rare_class import Verdict

Recipe = Annotated[str, typer.Option(help="Recipe of the generators.", autocompletion=recipe_names)]
Split = Annotated[
    str, typer.Option(help="Split by group or by image; auto: by group if --groups is given.")
]
Arms = Annotated[str | None, typer.Option(help="Arms to train, separated by commas; default: all.")]
Ratio = Annotated[
    str,
    typer.Option(
        help="Ratios of synthetic to real draws of the rare class, separated by commas; "
        "validation selects one."
    ),
]
External = Annotated[
    str | None,
    typer.Option(
        help=f"Images of another site or device, judged beside the test. {DATA_HELP}",
        show_default=False,
    ),
]
Kimg = Annotated[
    float, typer.Option(help="Thousand images for the first generator; 0: by the size.")
]
Steps = Annotated[int, typer.Option(min=0, help="Optimiser steps per classifier; 0: by the size.")]
Minutes = Annotated[
    float, typer.Option(help="Refuse a study that would take longer on this machine.")
]
Flip = Annotated[
    bool,
    typer.Option("--flip", help="Also mirror images (only if mirrored images are plausible)."),
]
Classifier = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:FUNCTION",
        help="Function that trains a classifier; default: a small CNN.",
    ),
]


@app.command(cls=Training)
def balance(
    data: DataArgument,
    rare: Annotated[list[str], typer.Option(metavar="LABEL", help="A rare class; repeatable.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, or one to resume.")],
    groups: Annotated[
        Path | None, typer.Option(help="CSV of path,group: a group stays on one side.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help=f"Test images. {DATA_HELP}", show_default=False)
    ] = None,
    test_groups: Annotated[Path | None, typer.Option(help="The same CSV for --test.")] = None,
    external: External = None,
    split: Split = "auto",
    test_share: Annotated[
        float, typer.Option(help="1/2, 1/3, 1/4 ... is set aside if there is no test part.")
    ] = 0.25,
    seeds: Annotated[int, typer.Option(min=2, help="Generators, and classifiers per arm.")] = 5,
    kimg: Kimg = 0.0,
    steps: Steps = 0,
    arms: Arms = None,
    ratio: Ratio = "0.25,1",
    truncation: Annotated[float, typer.Option(help="Below 1: more typical, less varied.")] = 1.0,
    size: Annotated[int | None, typer.Option(min=16, max=256, help="Side in pixels.")] = None,
    flip: Flip = False,
    classifier: Classifier = None,
    recipe: Recipe = "conditional",
    values: Values = None,
    minutes: Minutes = 120.0,
    seed: Seed = 0,
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Test what helps rare classes, generated images too. Exit 1: those hurt."""
    from ..config import parse_set
    from ..kits.rare_class.plan import Plan
    from ..training.choosing import read

    options: dict[str, Any] = {
        "seeds": seeds, "kimg": kimg, "steps": steps, "ratios": _numbers(ratio), "size": size,
        "truncation": truncation, "flip": flip, "recipe": recipe, "seed": seed,
        "test_share": test_share, "minutes": minutes, "values": parse_set(values or []),
    } | ({"arms": tuple(arm.strip() for arm in arms.split(","))} if arms else {})  # fmt: skip
    Plan(tuple(rare), **options)  # refuses wrong options before TensorFlow is imported
    read(recipe, options["values"])
    _check_split(split, groups)
    if classifier:
        sys.path.insert(0, "")  # it may be in the current folder
    tensorflow()
    from ..kits import rare_class

    try:
        verdict = rare_class.balance(
            data, rare, out, test=test, groups=groups, test_groups=test_groups,
            external=external, classifier=classifier, lang=lang, **options,
        )  # fmt: skip
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped; the same command resumes {out}\n")
        return STOPPED
    _print(verdict, out, as_json)
    return 1 if verdict.word == "hurts" else 0


def _print(verdict: Verdict, out: Path, as_json: bool) -> None:
    from ..kits.rare_class.tables import arms_rows

    if as_json:
        typer.echo(json.dumps(verdict.to_dict()))
        return
    for warning in verdict.warnings:
        sys.stderr.write(f"note: {on_one_line(warning)}\n")
    table(arms_rows(verdict, narrow=True))
    typer.echo("\n" + on_one_line(f"{verdict.word}: {verdict.sentence}"))
    typer.echo(on_one_line(verdict.advice))
    if verdict.external:
        typer.echo(on_one_line(verdict.external.sentence))
    typer.echo(f"{out}/report.html, {out}/model, {out}/images")


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--ratio must be numbers separated by commas, such as 0.5,1, got {text}"
        ) from error


def _check_split(split: str, groups: Path | None) -> None:
    if split not in ("auto", "group", "image"):
        raise UsageError(f"--split must be auto, group or image, got {split}")
    if split == "group" and groups is None:
        raise UsageError("--split group needs groups: give --groups FILE.csv")
    if split == "image" and groups is not None:
        raise UsageError(
            "--split image with --groups puts images of one group on both sides, so that no "
            "verdict is valid: omit --split"
        )
