"""Commands for a detector in use: calibrate it again, teach it by bad images."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base.progress import stage
from ..errors import UsageError
from .app import DATA_HELP, Json, Lang, tensorflow
from .defects import Alpha, Groups, Model, defects

Out = Annotated[
    Path | None,
    typer.Option(metavar="MODEL", help="Another model folder; default: MODEL's next version."),
]


@defects.command()
def calibrate(
    model: Model,
    good: Annotated[str, typer.Option(metavar="IMAGES", help=f"New good ones. {DATA_HELP}")],
    alpha: Alpha = None,
    groups: Groups = None,
    out: Out = None,
    lang: Lang = "en",
) -> int:
    """Calibrate by new good images, after another lamp or material; nothing is trained.

    It writes a new version, and MODEL's old one stays.
    """
    _check(model, alpha)
    from ..kits.defects.grouping import check_option

    check_option(groups)
    tensorflow()
    from ..kits import defects as kit
    from ..reports.language import speaking

    with stage("calibrating"), speaking(lang):
        detector = kit.calibrate(model, good, alpha=alpha, groups=groups, out=out)
    sys.stderr.write(f"{detector.promise.sentence(detector.alpha)}\n")
    typer.echo(str(detector.place))
    return 0


@defects.command()
def teach(
    model: Model,
    bad: Annotated[str, typer.Option(metavar="IMAGES", help=f"Defective ones. {DATA_HELP}")],
    good: Annotated[
        str | None,
        typer.Option(metavar="IMAGES", help="New good ones for calibration; default: the model's."),
    ] = None,
    alpha: Alpha = None,
    out: Out = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Improve the score by 5 or more bad images; the guarantee about good ones stays.

    It writes a new version, and MODEL's old one stays.
    """
    _check(model, alpha)
    tensorflow()
    from ..kits import defects as kit
    from ..reports.language import speaking

    with stage("teaching"), speaking(lang):
        detector, lesson = kit.teach(model, bad, good=good, alpha=alpha, out=out)
    if as_json:
        typer.echo(json.dumps({"model": str(detector.place), **lesson.to_dict()}))
        return 0
    sys.stderr.write(f"{lesson.sentence}\n")
    typer.echo(str(detector.place))
    return 0


def _check(model: Path, alpha: float | None) -> None:
    """Refusals that need no TensorFlow."""
    if not model.is_dir():
        raise UsageError(
            f"the model {model} does not exist: give a folder that `ganvas defects fit` wrote"
        )
    if alpha is not None:
        from ..kits.defects.good_images import needed

        needed(alpha)
