"""Everything `ganvas patterns tile` writes: tiles, how they look in use, what was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...build import build
from ...config import load_recipe
from ...errors import UsageError
from ...networks import NETWORKS
from . import work
from .crops import read_textures
from .measure import seams
from .mockups import fabric, repeated, wallpaper
from .tiles import Tiles, cells_of, learn_tiles

MOST = 4096


def make_tiles(
    textures: Sequence[str | os.PathLike],
    folder: str | os.PathLike,
    *,
    size: tuple[int, int] = (256, 256),
    n: int = 4,
    repeat: int = 2,
    morph: str | os.PathLike | None = None,
    kimg: float | None = None,
    scale: int | None = None,
    seed: int = 0,
    set: dict[str, Any] | None = None,
    progress: bool = True,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Any]:
    """Learn textures and write tiles of them.

    Args:
        textures, kimg, scale, seed, set: see `learn_tiles`; seed is also of the tiles.
        folder: gets tiles/, previews/ (each tile repeated), wallpaper.png, fabric.png, tiles.json.
        size: of each tile, (height, width) in pixels.
        n: tiles of each texture.
        repeat: how often a tile stands beside itself in its preview.
        morph: another texture, learnt as well; gets morph.png and morph.gif between the first
            texture and it.
        tell: is told what is done, in sentences.

    Returns: what tiles.json holds.
    Raises: UsageError: see `Tiles.draw`, `learn_tiles`.
    """
    began = time.perf_counter()
    if not 1 <= n <= MOST or not 1 <= repeat <= 8:
        raise UsageError(f"n = {n}, repeat = {repeat}: n is 1 to {MOST}, repeat 1 to 8")
    _check(textures, size, morph, scale, set or {})
    given = [*textures, *([morph] if morph else [])]
    tiles = learn_tiles(
        given, folder, kimg=kimg, scale=scale, seed=seed, set=set, progress=progress
    )
    learning = tiles.run.rows()[-1]["seconds"]
    tell(f"learnt {', '.join(tiles.names)} ({learning:.0f} s of training)")
    base, spent = Path(folder), time.perf_counter()
    drawn = _write_each(tiles, base, size, n, repeat, seed)
    each = (time.perf_counter() - spent) / len(drawn)
    tell(f"drew {len(drawn)} tiles, {each:.2f} s each with its preview")
    if morph:
        _morph(tiles, base, size, seed)
        tell("drew morph.png and morph.gif")
    result = {
        "run": str(base / "run"), "size": list(size), "status": tiles.run.status(),
        "tiles": drawn, "ratio": float(np.mean([one["seams"]["ratio"] for one in drawn])),
        "within": float(np.mean([one["seams"]["within"] for one in drawn])),
        "seconds_training": learning, "seconds_per_tile": round(each, 3),
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    work.write_json(base / "tiles.json", result)
    return result


def _check(
    textures: Sequence[str | os.PathLike],
    size: tuple[int, int],
    morph: str | os.PathLike | None,
    scale: int | None,
    values: dict[str, Any],
) -> None:
    """What can be said before minutes of learning. Raises UsageError."""
    networks = build("networks", load_recipe("texture").with_values(values).networks, NETWORKS)
    cells_of(size, networks.stride)
    apart = {one.sha256 for one in read_textures([Path(path) for path in textures], scale)}
    if morph and apart & {one.sha256 for one in read_textures([Path(morph)], scale)}:
        raise UsageError(f"--morph {morph} is a texture that is given already: name another")


def _write_each(
    tiles: Tiles, base: Path, size: tuple[int, int], n: int, repeat: int, seed: int
) -> list[dict[str, Any]]:
    """Tiles and previews of each texture, and the first of all in use."""
    drawn: list[dict[str, Any]] = []
    for name in tiles.names:
        for number in range(seed, seed + n):
            tile = tiles.draw(size, name, number)
            about = work.provenance(tiles.run, texture=name, seed=number)
            file = f"{_plain(name)}-{number:04d}.png"
            pictures.write_png(base / "tiles" / file, tile, about)
            pictures.write_png(base / "previews" / file, repeated(tile, repeat), about)
            if not drawn:
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
    wide = tiles.draw((size[0], 3 * size[1]), start, seed, into=end)
    pictures.write_png(base / "morph.png", wide, about)
    pictures.write_gif(base / "morph.gif", tiles.frames(size, start, end, seed=seed), 4.0)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
