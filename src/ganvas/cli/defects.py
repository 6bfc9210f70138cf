"""Commands of the defects kit: fit, score, report."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..base.own_files import check_replaceable
from ..base.progress import stage
from ..errors import UsageError
from .app import DATA_HELP, STOPPED, Json, Lang, Seed, group, held_back_stderr, table, tensorflow

defects = group("defects", "Learn from good parts only; find defective ones.")

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `fit` wrote.")]
Alpha = Annotated[
    float | None, typer.Option(help="Share of good images that may be flagged; default: fit's.")
]
Roi = Annotated[
    Path | None, typer.Option(metavar="MASK", help="Inspect only where this image is white.")
]
Tile = Annotated[
    int | None, typer.Option(metavar="PX", help="Cut large images into tiles of this side.")
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
    roi: Roi = None,
    tile: Tile = None,
    lang: Lang = "en",
) -> int:
    """Learn from good images and write MODEL/N/; after an interruption, the same one resumes."""
    from ..kits.defects.early import needed
    from ..kits.defects.grouping import check_option
    from ..kits.defects.options import check_options, check_with_gan

    needed(alpha)
    gan = check_with_gan(with_gan)
    check_options(gan, detail, groups, cross, roi, tile)
    check_option(groups)
    sides = _sides(size) if size else None
    _check_fit(good, alpha, sides, roi, tile, all_good, gan, one_split=not (cross or groups))
    options: dict[str, Any] = {"alpha": alpha, "detail": detail, "seed": seed}
    if not tile:
        options |= {"size": sides, "with_gan": gan, "patch": patch, "kimg": kimg, "roi": roi,
                    "all_good": all_good, "groups": groups, "cross": cross}  # fmt: skip
    tensorflow()
    from ..kits import defects as kit
    from ..reports.language import speaking

    call = partial(kit.fit_large, tile=tile) if tile else kit.fit
    try:
        with stage("fitting"), speaking(lang):
            detector = call(good, out, **options)
    except KeyboardInterrupt:
        sys.stderr.write(_stopped(out))
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
    from ..kits.defects.early import check_images, check_model_alpha

    facts = _facts(model)
    check_model_alpha(facts, alpha)
    check_images(images, facts.get("tile", {}).get("image") or facts["shape"])
    detector = _loaded(model)
    from ..kits.defects.scoring import scored

    rows, used = scored(detector, images, alpha, out, heatmaps=as_json)
    drift = detector.promise.drift([row["p_value"] for row in rows])
    if as_json:
        found = {"images": rows, "alpha": used}
        typer.echo(json.dumps(found | ({"drift": drift.to_dict()} if drift else {})))
        return 0
    lines = [("image", "score", "p", "")]
    lines += [
        (r["path"], f"{r['score']:.2f}", f"{r['p_value']:.3f}", "DEFECTIVE" * r["defective"])
        for r in rows
    ]  # fmt: skip
    table(lines)
    typer.echo(f"{sum(r['defective'] for r in rows)} of {len(rows)} at alpha = {used:g}")
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
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Measure a model on known images and compare it with simple detectors."""
    if out.suffix.lower() != ".html":
        raise UsageError(f"--out {out} must end in .html, because the report is a page")
    check_replaceable(out)
    from ..kits.defects.early import check_images, check_model_alpha, files, images_folder
    from ..kits.defects.masks import check_masks

    facts = _facts(model)
    check_model_alpha(facts, alpha)
    for images in (good, bad):
        check_images(images, facts["shape"])
    if masks is not None and (folder := images_folder(bad)):
        check_masks(masks, [str(path) for path in files(folder)])
    detector = _loaded(model)
    from ..kits import defects as kit

    with stage("measuring"):
        found = kit.report(detector, good, bad, masks=masks, out=out, alpha=alpha, lang=lang)
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


def _check_fit(
    good: str, alpha: float, size: tuple[int, int] | None, roi: Path | None, tile: int | None,
    all_good: bool, gan: str, one_split: bool,
) -> None:  # fmt: skip
    """What can be refused before TensorFlow is imported."""
    from ..kits.defects.early import FEWEST, LARGE_FEWEST, check_good
    from ..kits.defects.roi import check_roi

    if tile and (size or roi or gan == "yes"):
        raise UsageError("--tile cannot be used with --size, --roi or --with-gan yes: omit one")
    fewest = (LARGE_FEWEST if tile else FEWEST) if one_split else None
    labelled = all_good or bool(tile) or not one_split
    found = check_good(good, alpha, size, all_good=labelled, least=fewest)
    if roi:
        check_roi(roi, found)


def _stopped(out: Path) -> str:
    """What remains after an interruption: only the training of a GAN leaves a state."""
    work = out / "work"
    unfinished = work.is_dir() and any(
        one.is_dir() and not (out / one.name).exists() for one in work.iterdir()
    )
    if unfinished:
        return f"stopped: the same command resumes it ({work} has its state)\n"
    return "stopped: nothing was written, and the same command starts again\n"


def _facts(model: Path) -> dict[str, Any]:
    """The manifest of a model. Raises: UsageError, ModelError; before TensorFlow is imported."""
    from ..kits.defects.early import read

    if not model.is_dir():
        raise UsageError(
            f"the model {model} does not exist: give a folder that `ganvas defects fit` wrote"
        )
    return read(model)[1]


def _loaded(model: Path) -> Any:
    """The detector in a folder."""
    tensorflow()
    from ..kits import defects as kit

    with held_back_stderr():
        return kit.Detector.load(model)
