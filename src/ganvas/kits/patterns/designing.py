"""`ganvas patterns logos`: trains, and writes logos, sheets, walks, edits, vectors, and the nearest
original of each logo."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ... import images as pictures
from ...base.files import write_file, write_json
from ...base.progress import counted, stage
from ...errors import UsageError
from ...reports.language import chosen
from . import colour, directions, report, work
from .composing import compose_logos, engine_of
from .logos import INK, Drawn, Logos, learn_logos
from .marks import Marks, read_marks
from .results import LogoFile, LogosReport, VectorFile
from .vector import crisp, needs_vtracer, svg_error, to_svg

FACTOR = 8
SHOWN = 5  # directions
JUDGED = 500


def make_logos(
    data: Any,
    folder: str | os.PathLike[str],
    *,
    engine: str = "auto",
    palette: Sequence[str] = (),
    n: int = 32,
    size: int = 32,
    svg: bool = False,
    variations: int | None = None,
    walk: bool = False,
    edits: bool = False,
    judge: bool = True,
    truncation: float = 0.8,
    kind: str | None = None,
    kimg: float | None = None,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    progress: bool = True,
    tell: Callable[[str], None] = lambda message: None,
    lang: str = "",
) -> LogosReport:
    """Learn from logos and write new ones.

    Args:
        engine: "compose" lays parts of SVG drawings anew (`learn_marks`; nothing is trained),
            "gan" trains a generator on pixels (`learn_logos`). "auto": "compose" for a folder of
            SVG files, if no option is given that only a generator has (such as `walk`, `kimg`).
        data, size, kimg, overrides, progress: see `learn_logos`.
        palette, truncation, kind, seed: see `Logos.draw`; seed is also that of the training.
        folder: for logos/, logos.png, nearest.png, logos.json, report.html, and what is requested.
        n: number of logos.
        svg: each as paths, too, in svg/ (needs vtracer); composed logos always are.
        variations: the number of a logo, whose variations are written to variations.png.
        walk: write walk.gif, through the first four.
        edits: write directions.png, a row per direction; of logo `variations`, else of the first.
        judge: precision and recall at several truncations, on 500 images; some tens of seconds.
        tell: is called with a message after each stage.
        lang: language of the report, "en" or "zh"; "": by GANVAS_LANG, else en.

    Returns: the content of logos.json.
    Raises: UsageError, DataError: see `learn_logos`, `Logos.draw`.
    """
    began, lang = time.perf_counter(), chosen(lang)
    learning = {"variations": variations is not None, "walk": walk, "directions": edits,
                "kind": kind, "kimg": kimg, "overrides": overrides}  # fmt: skip
    if engine_of(engine, data, learning) == "compose":
        _check(n, None, truncation, False, Path(folder))
        return compose_logos(data, folder, palette, n, judge, seed, tell, lang)
    _check(n, variations, truncation, svg, Path(folder))
    base, marks = Path(folder), _marks(data, size, kind)
    logos = learn_logos(marks, base, size=size, kimg=kimg, seed=seed, overrides=overrides,
                        progress=progress)  # fmt: skip
    tell(f"trained {len(logos.kinds)} kinds ({work.seconds_of(logos.run):.0f} s of training)")
    drawn = logos.draw(n, palette, seed, truncation, kind)
    about, items = _written(logos, drawn, base, palette, seed, truncation, svg)
    tell(f"drew {n} logos; {drawn.refused} near-copies were refused")
    _extras(logos, drawn, base, about, variations, walk, edits, seed)
    points, scores = _judged(logos, seed, truncation) if judge else ([], {})
    result = _report(logos, drawn, items, truncation, palette, points, scores, began)
    return _finish(base, result, lang)


def _written(
    logos: Logos, drawn: Drawn, base: Path, palette: Sequence[str], seed: int, truncation: float,
    svg: bool,
) -> tuple[dict[str, str], list[LogoFile]]:  # fmt: skip
    """Write the logos and their sheets; where they come from, and their files."""
    names = ",".join(palette) or "as learnt"
    about = work.provenance(logos.run, seed=seed, truncation=truncation, palette=names)
    items = _write_each(logos, drawn, base, about, svg)
    _write_sheets(logos, drawn, base, about, len(palette))
    return about, items


def _report(
    logos: Logos, drawn: Drawn, items: Sequence[LogoFile], truncation: float,
    palette: Sequence[str], points: Sequence[dict[str, Any]],
    scores: dict[str, float | None], began: float,
) -> LogosReport:  # fmt: skip
    return LogosReport(
        run=str(logos.run.folder), status=logos.run.status(), kinds=tuple(logos.kinds),
        truncation=truncation, palette=tuple(palette), refused=drawn.refused,
        training_palette=tuple(colour.palette(_rgb(logos.marks.pixels[:500]))[0]),
        precision_recall=tuple(points), logos=tuple(items),
        seconds_training=work.seconds_of(logos.run),
        seconds=round(time.perf_counter() - began, 1), engine="gan", scores=scores,
    )  # fmt: skip


def _finish(base: Path, result: LogosReport, lang: str) -> LogosReport:
    """Write what was found, and remove logos that are no longer part of it."""
    write_json(base / "logos.json", result.to_dict())
    report.write_logos_report(base, result, lang)
    report.remove_old(base, result.logos)
    return result


def _check(n: int, variations: int | None, truncation: float, svg: bool, folder: Path) -> None:
    """All checks that are possible before training. Raises UsageError."""
    report.check(folder)
    if svg:
        needs_vtracer()
    if not 1 <= n <= 1024:
        raise UsageError(f"n must be 1 to 1024, got {n}")
    if variations is not None and not 0 <= variations < n:
        raise UsageError(f"variations must be the number of a logo, 0 to {n - 1}, got {variations}")
    if not 0 < truncation <= 2:
        raise UsageError(f"truncation must be above 0 and at most 2, got {truncation}")


def _marks(data: Any, size: int, kind: str | None) -> Marks:
    """The training images. Raises UsageError: they have no such kind."""
    marks = read_marks(data, size)
    if kind is not None:
        marks.chosen(kind)
    return marks


def inks(logos: Logos, drawn: Drawn, i: int) -> dict[str, Any]:
    """The colours for a crisp logo i: its ink and its paper, or those found in it."""
    if logos.marks.coloured:
        return {"count": 5}
    return {"colours": ["#ffffff", (drawn.colours[i] or [INK])[0]]}


def _write_each(
    logos: Logos, drawn: Drawn, base: Path, about: dict[str, str], svg: bool
) -> list[LogoFile]:
    items: list[LogoFile] = []
    with stage("writing", len(drawn.images), "logos") as writing:
        for i, image in enumerate(counted(drawn.images, writing)):
            items.append(_write_one(logos, drawn, base, about, svg, i, image))
    return items


def _write_one(
    logos: Logos, drawn: Drawn, base: Path, about: dict[str, str], svg: bool, i: int,
    image: np.ndarray,
) -> LogoFile:  # fmt: skip
    name = logos.marks.name(drawn.nearest[i])
    found = f"nearest is {name} at distance {drawn.distance[i]:.3f}"
    own = {**about, "number": str(i), "kind": logos.kinds[drawn.labels[i]],
           "nearest": found}  # fmt: skip
    options = inks(logos, drawn, i)
    pictures.write_png(
        base / "logos" / f"{i:04d}.png", crisp(image, FACTOR, **options), own, synthetic=True
    )
    paths = None
    if svg:
        text = to_svg(image, own, factor=FACTOR, **options)
        path = base / "svg" / f"{i:04d}.svg"
        path.parent.mkdir(exist_ok=True)
        write_file(path, text)
        error = svg_error(text, image, factor=FACTOR, **options)
        paths = VectorFile(f"svg/{i:04d}.svg", len(text), round(error, 2))
    return LogoFile(
        file=f"logos/{i:04d}.png", kind=logos.kinds[drawn.labels[i]],
        main=drawn.colours[i][0] if drawn.colours[i] else None,
        nearest=int(drawn.nearest[i]), nearest_name=name,
        distance=round(float(drawn.distance[i]), 4), svg=paths,
    )  # fmt: skip


def _write_sheets(
    logos: Logos, drawn: Drawn, base: Path, about: dict[str, str], colours: int
) -> None:
    pictures.write_png(base / "logos.png", _sheet(logos, drawn, colours), about, synthetic=True)
    pictures.write_png(base / "nearest.png", _with_nearest(logos, drawn), about)


def _extras(logos: Logos, drawn: Drawn, base: Path, about: dict[str, str],
            variations: int | None, walk: bool, edits: bool, seed: int) -> None:  # fmt: skip
    if variations is not None:
        near = logos.variations(drawn, variations, seed=seed)
        marked = logos.copied(near.shapes)
        sheet = [_framed(_large(logos, near, i), bad) for i, bad in enumerate(marked)]
        own = {**about, "variations_of": str(variations),
               "near_copies": " ".join(map(str, np.flatnonzero(marked))) or "none"}  # fmt: skip
        pictures.write_png(
            base / "variations.png", pictures.grid(np.stack(sheet), 8, 8), own, synthetic=True
        )
    if walk:
        frames = logos.walk(drawn)
        four = np.stack([_enlarged(frame, 4) for frame in frames])
        pictures.write_gif(base / "walk.gif", four, 4.0)
    if edits:
        rows = directions.sefa(logos.sampler.generator, SHOWN)
        which = variations or 0
        moved = np.concatenate([logos.edited(drawn, which, row) for row in rows])
        sheet = [crisp(image, 3, **inks(logos, drawn, which)) for image in moved]
        pictures.write_png(
            base / "directions.png", pictures.grid(np.stack(sheet), 7, 8), about, synthetic=True
        )


def _judged(
    logos: Logos, seed: int, truncation: float
) -> tuple[list[dict[str, Any]], dict[str, float | None]]:
    """Precision and recall by truncation; and at the truncation nearest to the given one."""
    from ...evaluation import evaluate

    names = ["precision", "recall", "coverage"]
    pixels = logos.marks.pixels
    rows = np.random.Generator(np.random.Philox(seed)).permutation(len(pixels))[: 2 * JUDGED]
    judged = evaluate(logos.run, pixels[rows], metrics=names, n=JUDGED, seed=seed, model="last",
                      features="general")  # fmt: skip
    points = [point.to_dict() for point in judged.truncation]
    near = min(points, key=lambda point: abs(float(point["truncation"] or 0) - truncation))
    return points, {name: near[name] for name in names[:2]}


def _sheet(logos: Logos, drawn: Drawn, colours: int) -> np.ndarray:
    """All logos; with a palette, a row (or several) for each of its colours."""
    large = np.stack([_large(logos, drawn, i) for i in range(len(drawn))])
    if colours < 2:
        return pictures.grid(large, None, 12)
    rows = -(-len(drawn) // colours)
    sheet = np.full((rows * colours, *large.shape[1:]), 255, np.uint8)
    sheet[: len(large)] = large
    return pictures.grid(sheet.reshape(rows, colours, *large.shape[1:]).swapaxes(0, 1).reshape(
        sheet.shape), rows, 12)  # fmt: skip


def _with_nearest(logos: Logos, drawn: Drawn) -> np.ndarray:
    """Each logo, and below it the nearest training image; 12 at most."""
    count = min(12, len(drawn))
    tops = [_enlarged(_rgb(drawn.shapes[i : i + 1])[0], 3) for i in range(count)]
    originals = _rgb(logos.marks.pixels[drawn.nearest[:count]])
    return pictures.grid(np.stack([*tops, *(_enlarged(one, 3) for one in originals)]), count, 6)


def _large(logos: Logos, drawn: Drawn, i: int) -> np.ndarray:
    return crisp(drawn.images[i], 3, **inks(logos, drawn, i))


def _framed(image: np.ndarray, marked: bool) -> np.ndarray:
    """With a red frame where it is a near-copy."""
    framed = np.pad(image, [(3, 3), (3, 3), (0, 0)], constant_values=255)
    if marked:
        framed[[0, 1, -2, -1]] = framed[:, [0, 1, -2, -1]] = (215, 35, 45)
    return framed


def _enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    size = (factor * image.shape[1], factor * image.shape[0])
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """Ink becomes dark on white; colours stay."""
    return np.stack([colour.ink(p[..., 0], INK) if p.shape[-1] == 1 else p for p in pixels])
