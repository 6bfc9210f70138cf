"""Everything `ganvas patterns tile` writes: tiles, how they look in use, what was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...base.files import write_json
from ...config import load_recipe
from ...errors import UsageError
from ...storage.job import begin
from ...storage.run import Run
from . import work
from .crops import Texture, read_textures
from .measure import seams
from .mockups import fabric, repeated, wallpaper
from .tiles import LARGEST, Tiles, cells_of, learn_tiles, texture_networks

MOST = 4096
PREVIEW = 16384  # pixels of a preview's side
FILM = 256  # pixels of a film's longer side


def make_tiles(
    textures: Sequence[str | os.PathLike],
    folder: str | os.PathLike,
    *,
    size: tuple[int, int] = (256, 256),
    n: int = 4,
    repeat: int = 2,
    morph: str | os.PathLike | None = None,
    together: bool = False,
    kimg: float | None = None,
    scale: int | None = None,
    seed: int = 0,
    overrides: dict[str, Any] | None = None,
    progress: bool = True,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Any]:
    """Learn textures and write tiles of them.

    Args:
        textures, kimg, scale, seed, overrides: see `learn_tiles`; seed is also of the tiles.
            Several textures are learnt one after the other, each in learnt/NAME.
        folder: gets tiles/, previews/ (each tile repeated), wallpaper.png, fabric.png, tiles.json.
        size: of each tile, (height, width) in pixels.
        n: tiles of each texture.
        repeat: how often a tile stands beside itself in its preview.
        morph: another texture, learnt as well; gets morph.png and morph.gif between the first
            texture and it.
        together: one generator learns all of them, as it does for a morph: less sharply.
        tell: is told what is done, in sentences.

    Returns: what tiles.json holds.
    Raises: UsageError: see `Tiles.draw`, `learn_tiles`.
    """
    began = time.perf_counter()
    _check_counts(n, repeat, size)
    base, given = Path(folder), [Path(path) for path in [*textures, *([morph] if morph else [])]]
    found = _check(given, size, morph, scale, overrides or {})
    apart = len(found) > 1 and not together and morph is None
    if apart:
        begin(base, {"kit": "patterns tile", "textures": "each by itself"}, work.REQUEST)
    places = {base / "learnt" / one.name: [one.path] for one in found} if apart else {base: given}
    drawn: list[dict[str, Any]] = []
    runs: list[Run] = []
    for place, paths in places.items():
        tiles = learn_tiles(
            paths, place, kimg=kimg, scale=scale, seed=seed, overrides=overrides, progress=progress
        )
        runs.append(tiles.run)
        tell(f"learnt {', '.join(tiles.names)} ({_seconds(tiles.run):.0f} s of training)")
        drawn += _write_each(tiles, base, size, n, repeat, seed, first=not drawn)
        if morph:
            _morph(tiles, base, size, seed)
            tell("drew morph.png and morph.gif")
        if tiles.run.status() == "interrupted":
            break
    result = _summary(runs, drawn, size, time.perf_counter() - began)
    write_json(base / "tiles.json", result)
    return result


def _summary(
    runs: Sequence[Run], drawn: list[dict[str, Any]], size: tuple[int, int], seconds: float
) -> dict[str, Any]:
    return {
        "runs": [str(run.folder) for run in runs], "size": list(size), "status": runs[-1].status(),
        "tiles": drawn, "ratio": float(np.mean([one["seams"]["ratio"] for one in drawn])),
        "within": float(np.mean([one["seams"]["within"] for one in drawn])),
        "seconds_training": sum(map(_seconds, runs)), "seconds": round(seconds, 1),
    }  # fmt: skip


def _seconds(run: Run) -> float:
    return float(run.rows()[-1]["seconds"])


def _check_counts(n: int, repeat: int, size: tuple[int, int]) -> None:
    if not 1 <= n <= MOST or not 1 <= repeat <= 8 or repeat * max(size) > PREVIEW:
        raise UsageError(
            f"n = {n}, repeat = {repeat} of {max(size)} pixels: n is 1 to {MOST}, repeat 1 to 8, "
            f"and a preview has at most {PREVIEW} pixels a side"
        )


def _check(
    given: Sequence[Path],
    size: tuple[int, int],
    morph: str | os.PathLike | None,
    scale: int | None,
    values: dict[str, Any],
) -> list[Texture]:
    """The textures, and what can be said before minutes of learning. Raises UsageError."""
    cells_of(size, texture_networks(load_recipe("texture").with_values(values)).stride)
    found = read_textures(given, scale)
    if morph and len(found) == len(read_textures(given[:-1], scale)):
        raise UsageError(f"--morph {morph} is a texture that is given already: name another")
    return found


def _write_each(
    tiles: Tiles, base: Path, size: tuple[int, int], n: int, repeat: int, seed: int, first: bool
) -> list[dict[str, Any]]:
    """Tiles and previews of each texture, and where they are the first, the first in use."""
    drawn: list[dict[str, Any]] = []
    for name in tiles.names:
        for number in range(seed, seed + n):
            tile = tiles.draw(size, name, number)
            about = work.provenance(tiles.run, texture=name, seed=number)
            file = f"{name}-{number:04d}.png"
            pictures.write_png(base / "tiles" / file, tile, about)
            pictures.write_png(base / "previews" / file, repeated(tile, repeat), about)
            if first and not drawn:
                pictures.write_png(base / "wallpaper.png", wallpaper(tile), about)
                pictures.write_png(base / "fabric.png", fabric(tile), about)
            drawn.append(
                {"file": f"tiles/{file}", "texture": name, "seed": number, "seams": seams(tile)}
            )
    return drawn


def _morph(tiles: Tiles, base: Path, size: tuple[int, int], seed: int) -> None:
    """From the first texture to the last: over one wide tile, and over the frames of a film."""
    start, end = tiles.names[0], tiles.names[-1]
    about = work.provenance(tiles.run, texture=start, into=end, seed=seed)
    wide = tiles.draw((size[0], min(3 * size[1], LARGEST)), start, seed, into=end)
    pictures.write_png(base / "morph.png", wide, about)
    step = tiles.stride
    small = min(1.0, FILM / max(size))  # a film of large frames would fill the memory
    frame = (max(step, int(small * size[0]) // step * step),
             max(step, int(small * size[1]) // step * step))  # fmt: skip
    pictures.write_gif(base / "morph.gif", tiles.frames(frame, start, end, seed=seed), 4.0)
