"""Commands of the patterns kit: tile, logos."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.progress import say
from ..errors import UsageError
from .app import DATA_HELP, STOPPED, Json, Lang, Seed, Values, group, tensorflow

if TYPE_CHECKING:
    from ..kits.patterns import LogosReport, TilesReport

patterns = group("patterns", "Make seamless tiles from a texture, and logos in a palette.")

Out = Annotated[Path, typer.Option(help="The folder; the same command again resumes.")]
Kimg = Annotated[
    float | None, typer.Option(min=0.1, help="Thousand training images; default: the recipe's.")
]


@patterns.command()
def tile(
    images: Annotated[list[Path], typer.Argument(help="Texture files, or folders of them.")],
    out: Out,
    engine: Annotated[
        str, typer.Option(help="patch: blocks of the texture, in seconds; gan: learn it; or auto.")
    ] = "auto",
    size: Annotated[
        str, typer.Option(metavar="HxW", help="Size of a tile in pixels.")
    ] = "1024x1024",
    n: Annotated[int, typer.Option("-n", min=1, help="Tiles of each texture.")] = 4,
    repeat: Annotated[int, typer.Option(min=1, max=8, help="Repeats in the preview.")] = 2,
    morph: Annotated[Path | None, typer.Option(help="Another texture to change into.")] = None,
    together: Annotated[
        bool, typer.Option("--together", help="One generator for all, as for --morph; less sharp.")
    ] = False,
    kimg: Kimg = None,
    scale: Annotated[
        int | None, typer.Option(help="Short side of a texture in training; default: up to 256.")
    ] = None,
    seed: Seed = 0,
    values: Values = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> int:
    """Draw seamless tiles of any size from one texture or several."""
    from ..config import parse_set

    sides = _size(size)
    for path in [*images, *([morph] if morph else [])]:
        if not path.exists():
            raise UsageError(f"{path} does not exist: give texture files or folders of them")
    options = parse_set(values or [])
    tensorflow()
    from ..kits.patterns import make_tiles
    from ..kits.patterns.likeness import ALIKE

    result = make_tiles(
        images, out, engine=engine, size=sides, n=n, repeat=repeat, morph=morph, together=together,
        kimg=kimg, scale=scale, seed=seed, overrides=options,
        progress=not as_json or sys.stderr.isatty(), tell=say, lang=lang,
    )  # fmt: skip
    summary = (
        f"{out}: {len(result.tiles)} tiles in tiles/, seams {result.ratio:.2f} times a step "
        f"inside, structure {result.distance:.2f} from the texture's (alike up to {ALIKE:g}); "
        "report.html, previews/, wallpaper.png, fabric.png"
    )
    return _done(result, summary, out, as_json)


@patterns.command()
def logos(
    data: Annotated[str, typer.Argument(help=f"{DATA_HELP} Or a folder of SVG files.")],
    out: Out,
    engine: Annotated[
        str, typer.Option(help="compose: parts of SVG files; gan: learn pixels; or auto.")
    ] = "auto",
    palette: Annotated[
        str | None, typer.Option(metavar='"#rrggbb,..."', help="Colours, or their names.")
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1024, help="Number of logos.")] = 32,
    size: Annotated[int, typer.Option(min=16, max=128, help="Pixels a side.")] = 32,
    svg: Annotated[
        bool, typer.Option("--svg", help="Also write each logo as SVG paths (needs vtracer).")
    ] = False,
    variations: Annotated[
        int | None, typer.Option(min=0, metavar="K", help="Draw others like logo K.")
    ] = None,
    walk: Annotated[bool, typer.Option("--walk", help="Film a walk through logos.")] = False,
    directions: Annotated[
        bool, typer.Option("--directions", help="Move a logo along its five main directions.")
    ] = False,
    judge: Annotated[
        bool, typer.Option(help="Compute precision and recall at five truncations.")
    ] = True,
    truncation: Annotated[float, typer.Option(help="Below 1: more typical, less varied.")] = 0.8,
    kind: Annotated[str | None, typer.Option(help="One of the kinds in logos.json.")] = None,
    kimg: Kimg = None,
    seed: Seed = 0,
    values: Values = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> int:  # fmt: skip
    """Draw logos like those given, in a palette, and name the original nearest to each.

    SVG files are taken apart, and their parts composed anew, in a minute. Of pixels a generator
    learns, and the command says what its logos are good for.
    """
    from ..config import parse_set

    options = parse_set(values or [])
    if svg:
        from ..kits.patterns.vector import needs_vtracer

        needs_vtracer()
    tensorflow()
    from ..kits.patterns import make_logos, parse_palette

    result = make_logos(
        data, out, engine=engine, palette=() if palette is None else parse_palette(palette),
        n=n, size=size, svg=svg, variations=variations, walk=walk, edits=directions, judge=judge,
        truncation=truncation, kind=kind, kimg=kimg, seed=seed, overrides=options,
        progress=not as_json or sys.stderr.isatty(), tell=say, lang=lang,
    )  # fmt: skip
    if not as_json:
        _judged(result)
    places = "logos/ and svg/" if result.engine == "compose" else "logos/"
    summary = (
        f"{out}: {len(result.logos)} logos in {places}, {result.refused} near-copies refused; "
        "report.html, logos.png, nearest.png"
    )
    return _done(result, summary, out, as_json)


def _done(result: TilesReport | LogosReport, summary: str, out: Path, as_json: bool) -> int:
    typer.echo(json.dumps(result.to_dict()) if as_json else f"{summary} ({result.seconds:.0f} s)")
    if result.status == "interrupted":
        sys.stderr.write(f"stopped before the end of training: the same command resumes {out}\n")
        return STOPPED
    return 0


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if not found:
        raise UsageError(f"--size must be HxW in pixels, such as 256x384, or one side, got {text}")
    height = int(found[1])
    return height, int(found[2] or height)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _judged(result: LogosReport) -> None:
    """What the logos are good for, and by which scores."""
    for row in result.precision_recall:
        typer.echo(
            f"truncation {row['truncation']:g}: precision {_number(row['precision'])}, "
            f"recall {_number(row['recall'])}"
        )
    if result.use:
        typer.echo(result.use)
