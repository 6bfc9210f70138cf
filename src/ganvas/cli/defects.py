"""Commands of the defects kit: fit, score, report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..base.own_files import check_replaceable
from ..base.progress import stage
from ..errors import UsageError
from .app import DATA_HELP, STOPPED, Json, Seed, group, held_back_stderr, table, tensorflow

defects = group("defects", "Learn from good parts only; find defective ones.")

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `fit` wrote.")]
Alpha = Annotated[
    float | None, typer.Option(help="Share of good images that may be flagged; default: fit's.")
]

Groups = Annotated[
    str | None,
    typer.Option(
        metavar="folder|FILE.csv[:COLUMN]",
        help="Lamps or batches: sub-folders, or a column. Each has one use, and its own promise.",
    ),
]
Cross = Annotated[
    bool, typer.Option("--cross", help="For 30 to 60 images; the guarantee is twice alpha.")
]


@defects.command()
def fit(
    good: Annotated[
        str, typer.Argument(metavar="IMAGES", help=f"Images of good parts only. {DATA_HELP}")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="MODEL", help="Folder of the model; each fit adds a numbered version."
        ),
    ],
    alpha: Annotated[float, typer.Option(help="Share of good images that may be flagged.")] = 0.05,
    size: Annotated[
        str | None, typer.Option(metavar="HxW", help="Resize images to this size.")
    ] = None,
    detail: Annotated[
        int, typer.Option(help="Pixels of the longer side for the frozen network: 128 or 256.")
    ] = 128,
    with_gan: Annotated[str, typer.Option(help="Train a GAN as well: auto, yes or no.")] = "auto",
    patch: Annotated[
        int | None, typer.Option(help="Side of patches for pixels and GAN, 16 to 64 px.")
    ] = None,
    kimg: Annotated[float, typer.Option(min=0.1, help="Length of the GAN's training.")] = 64.0,
    seed: Seed = 0,
    all_good: Annotated[
        bool, typer.Option("--all-good", help="Every sub-folder or class contains good images.")
    ] = False,
    groups: Groups = None,
    cross: Cross = False,
) -> int:
    """Learn from good images and write MODEL/N/, which `ganvas serve` serves.

    After an interruption, the same command resumes.
    """
    from ..kits.defects.good_images import needed
    from ..kits.defects.grouping import check_option
    from ..kits.defects.options import check_options, check_with_gan

    needed(alpha)
    gan = check_with_gan(with_gan)
    check_options(gan, detail, groups, cross)
    check_option(groups)
    sides = _sides(size) if size else None
    tensorflow()
    from ..kits import defects as kit

    try:
        with stage("fitting"):
            detector = kit.fit(
                good, out, alpha=alpha, size=sides, detail=detail, with_gan=gan, patch=patch,
                kimg=kimg, seed=seed, all_good=all_good, groups=groups, cross=cross,
            )  # fmt: skip
    except KeyboardInterrupt:
        sys.stderr.write(f"stopped: the same command resumes it ({out}/work has its state)\n")
        return STOPPED
    typer.echo(str(detector.place))
    return 0


@defects.command()
def score(
    model: Model,
    images: Annotated[str, typer.Argument(metavar="IMAGES", help=DATA_HELP)],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write heat-maps and scores.csv here.")
    ] = None,
    alpha: Alpha = None,
    as_json: Json = False,
) -> int:
    """Decide for each image whether it is defective. Exit 0 for every verdict."""
    detector = _loaded(model)
    from ..kits.defects.good_images import read
    from ..kits.defects.overlay import write

    named = read(images, detector.shape, detector.levels)
    with stage("scoring", len(named.pixels), "images"):
        verdicts = detector.score(named.pixels, alpha=alpha, heatmaps=out is not None)
    rows = [
        {"path": path, "score": round(float(s), 6), "p_value": round(float(p), 6),
         "defective": bool(d)}
        for path, s, p, d in zip(named.paths, *verdicts[:3], strict=True)
    ]  # fmt: skip
    if out is not None:
        write(out, named, verdicts)
    drift = detector.promise.drift(verdicts.p_value)
    if as_json:
        found = {"images": rows, "alpha": verdicts.alpha}
        typer.echo(json.dumps(found | ({"drift": drift.to_dict()} if drift else {})))
        return 0
    lines = [("image", "score", "p", "")]
    lines += [
        (r["path"], f"{r['score']:.2f}", f"{r['p_value']:.3f}", "DEFECTIVE" * r["defective"])
        for r in rows
    ]  # fmt: skip
    table(lines)
    typer.echo(f"{sum(verdicts.defective)} of {len(rows)} at alpha = {verdicts.alpha:g}")
    if drift:
        typer.echo(drift.sentence)
    return 0


@defects.command()
def report(
    model: Model,
    good: Annotated[str, typer.Option(metavar="IMAGES", help="Good ones, not used by `fit`.")],
    bad: Annotated[str, typer.Option(metavar="IMAGES", help="Defective ones.")],
    masks: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="For each bad image a mask of the same name."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="Where to write the page.")] = Path(
        "defects.html"
    ),
    alpha: Alpha = None,
    as_json: Json = False,
) -> int:
    """Measure a model on known images and compare it with simple detectors."""
    if out.suffix.lower() != ".html":
        raise UsageError(f"--out {out} must end in .html, because the report is a page")
    check_replaceable(out)
    detector = _loaded(model)
    from ..kits import defects as kit

    with stage("measuring"):
        found = kit.report(detector, good, bad, masks=masks, out=out, alpha=alpha)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    else:
        for line in found.sentences:
            typer.echo(line)
    sys.stderr.write(f"{out}\n")
    return 0


def _sides(text: str) -> tuple[int, int]:
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise UsageError(f"--size must be a side or HEIGHTxWIDTH in pixels, got {text}")
    return int(sides[0]), int(sides[-1])


def _loaded(model: Path) -> Any:
    """The detector in a folder. Raises: UsageError: no folder; before TensorFlow is imported."""
    if not model.is_dir():
        raise UsageError(
            f"the model {model} does not exist: give a folder that `ganvas defects fit` wrote"
        )
    tensorflow()
    from ..kits import defects as kit

    with held_back_stderr():
        return kit.Detector.load(model)
