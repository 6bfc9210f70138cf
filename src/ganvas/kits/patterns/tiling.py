"""`ganvas patterns tile`: trains, and writes tiles, pictures of their use and measurements."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...base.files import write_json
from ...base.names import file_name
from ...base.progress import stage
from ...errors import UsageError
from ...storage.job import begin
from ...storage.run import Run
from . import report, work
from .crops import Texture, read_textures
from .measure import seams
from .mockups import fabric, repeated, wallpaper
from .results import TileFile, TilesReport
from .tiles import LARGEST, Tiles, cells_of, learn_tiles, recipe_networks

MOST = 4096
PREVIEW = 16384  # pixels of a preview's side
FILM = 256  # pixels of a film's longer side


def make_tiles(
    textures: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    size: tuple[int, int] = (256, 256),
    n: int = 4,
    repeat: int = 2,
    morph: str | os.PathLike[str] | None = None,
    together: bool = False,
    kimg: float | None = None,
    scale: int | None = None,
    seed: int = 0,
    overrides: dict[str, Any] | None = None,
    progress: bool = True,
    tell: Callable[[str], None] = lambda message: None,
) -> TilesReport:
    """Train on textures and write tiles of them.

    Args:
        textures, kimg, scale, seed, overrides, progress: see `learn_tiles`; seed is also that of
            the first tile. Several textures are learnt one after the other, each in learnt/NAME.
        folder: for tiles/, previews/ (each tile repeated), wallpaper.png, fabric.png, tiles.json,
            report.html.
        size: of each tile, (height, width) in pixels.
        n: tiles of each texture.
        repeat: how often a tile is repeated in its preview, in each direction.
        morph: another texture to learn; morph.png and morph.gif change from the first texture
            into it.
        together: one generator for all textures, as for a morph: less sharp.
        tell: is called with a message after each stage.

    Returns: the content of tiles.json.
    Raises: UsageError: see `Tiles.draw`, `learn_tiles`.
    """
    began = time.perf_counter()
    _check_counts(n, repeat, size)
    report.check(Path(folder))
    base, files = Path(folder), [Path(path) for path in [*textures, *([morph] if morph else [])]]
    found = _check(files, size, morph, scale, overrides or {})
    apart = len(found) > 1 and not together and morph is None
    if apart:
        begin(base, {"kit": "patterns tile", "textures": "each by itself"}, work.REQUEST)
    places = {base / "learnt" / one.name: [one.path] for one in found} if apart else {base: files}
    drawn: list[TileFile] = []
    runs: list[Run] = []
    for place, paths in places.items():
        tiles = learn_tiles(
            paths, place, kimg=kimg, scale=scale, seed=seed, overrides=overrides, progress=progress
        )
        runs.append(tiles.run)
        tell(f"trained {', '.join(tiles.names)} ({work.seconds_of(tiles.run):.0f} s of training)")
        drawn += _write_each(tiles, base, size, n, repeat, seed, first=not drawn)
        if morph:
            _morph(tiles, base, size, seed)
            tell("wrote morph.png and morph.gif")
        if tiles.run.status() == "interrupted":
            break
    result = _summary(runs, drawn, size, time.perf_counter() - began)
    write_json(base / "tiles.json", result.to_dict())
    report.write_tiles_report(base, result)
    return result


def _summary(
    runs: Sequence[Run], drawn: Sequence[TileFile], size: tuple[int, int], seconds: float
) -> TilesReport:
    return TilesReport(
        runs=tuple(str(run.folder) for run in runs),
        size=size,
        status=runs[-1].status(),
        tiles=tuple(drawn),
        ratio=float(np.mean([one.seams.ratio for one in drawn])),
        within=float(np.mean([one.seams.within for one in drawn])),
        seconds_training=sum(map(work.seconds_of, runs)),
        seconds=round(seconds, 1),
    )


def _check_counts(n: int, repeat: int, size: tuple[int, int]) -> None:
    if not 1 <= n <= MOST or not 1 <= repeat <= 8 or repeat * max(size) > PREVIEW:
        raise UsageError(
            f"n must be 1 to {MOST}, repeat 1 to 8, and a preview at most {PREVIEW} pixels a side, "
            f"got n = {n}, repeat = {repeat} of {max(size)} pixels"
        )


def _check(
    files: Sequence[Path],
    size: tuple[int, int],
    morph: str | os.PathLike[str] | None,
    scale: int | None,
    values: dict[str, Any],
) -> list[Texture]:
    """The textures, after all checks that are possible before training. Raises UsageError."""
    cells_of(size, recipe_networks(values).stride)
    found = read_textures(files, scale)
    if morph and len(found) == len(read_textures(files[:-1], scale)):
        raise UsageError(f"--morph {morph} is one of the textures already: give another file")
    return found


def _write_each(
    tiles: Tiles, base: Path, size: tuple[int, int], n: int, repeat: int, seed: int, first: bool
) -> list[TileFile]:
    """Tiles and previews of each texture, and pictures of the first tile in use."""
    drawn: list[TileFile] = []
    wanted = [(name, number) for name in tiles.names for number in range(seed, seed + n)]
    with stage("drawing", len(wanted), "tiles") as drawing:
        for name, number in wanted:
            tile = tiles.draw(size, name, number)
            about = work.provenance(tiles.run, texture=name, seed=number)
            file = f"{file_name(name, tiles.names)}-{number:04d}.png"
            pictures.write_png(base / "tiles" / file, tile, about, synthetic=True)
            pictures.write_png(
                base / "previews" / file, repeated(tile, repeat), about, synthetic=True
            )
            if first and not drawn:
                pictures.write_png(base / "wallpaper.png", wallpaper(tile), about, synthetic=True)
                pictures.write_png(base / "fabric.png", fabric(tile), about, synthetic=True)
            drawn.append(TileFile(f"tiles/{file}", name, number, seams(tile)))
            drawing.advance()
    return drawn


def _morph(tiles: Tiles, base: Path, size: tuple[int, int], seed: int) -> None:
    """From the first texture to the last: within one wide tile, and in the frames of a film."""
    start, end = tiles.names[0], tiles.names[-1]
    about = work.provenance(tiles.run, texture=start, into=end, seed=seed)
    wide = tiles.draw((size[0], min(3 * size[1], LARGEST)), start, seed, into=end)
    pictures.write_png(base / "morph.png", wide, about, synthetic=True)
    step = tiles.stride
    small = min(1.0, FILM / max(size))  # large frames would need too much memory
    frame = (max(step, int(small * size[0]) // step * step),
             max(step, int(small * size[1]) // step * step))  # fmt: skip
    pictures.write_gif(base / "morph.gif", tiles.frames(frame, start, end, seed=seed), 4.0)
