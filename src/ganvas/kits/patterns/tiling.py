"""`ganvas patterns tile`: writes tiles, pictures of their use and measurements."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ... import images as pictures
from ...base.files import write_json
from ...base.names import file_name
from ...base.progress import stage
from ...errors import UsageError, no_such
from ...reports.language import chosen
from ...storage.job import begin
from ...storage.run import Run
from . import report, work
from .crops import Texture, read_textures
from .likeness import Likeness
from .measure import repeats, seams
from .mockups import fabric, repeated, wallpaper
from .quilting import Quilts, check_size
from .results import TileFile, TilesReport
from .tiles import LARGEST, Tiles, cells_of, learn_tiles, recipe_networks

MOST = 4096
PREVIEW = 16384  # pixels of a preview's side
FILM = 256  # pixels of a film's longer side
SHARP = 512
"""Short side of a texture at which blocks are cut, at most; a generator learns at 256 pixels."""
ENGINES = ("auto", "patch", "gan")


class Drawer(Protocol):
    """What draws tiles: `Quilts` or `Tiles`."""

    names: list[str]

    def draw(self, size: tuple[int, int], texture: str, seed: int) -> np.ndarray: ...

    def about(self, texture: str, seed: int) -> dict[str, str]: ...


def make_tiles(
    textures: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    engine: str = "auto",
    size: tuple[int, int] = (1024, 1024),
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
    lang: str = "",
) -> TilesReport:
    """Write tiles of textures.

    Args:
        textures, kimg, scale, seed, overrides, progress: see `learn_tiles`; seed is also that of
            the first tile. Several textures are learnt one after the other, each in learnt/NAME.
        folder: for tiles/, previews/ (each tile repeated), wallpaper.png, fabric.png, tiles.json,
            report.html.
        engine: "patch" lays blocks of the texture (`Quilts`; seconds, nothing is trained), "gan"
            trains a generator (`learn_tiles`). "auto": "gan" if what only a generator does is
            asked for (`morph`, `together`, `kimg`, `overrides`), else "patch".
        size: of each tile, (height, width) in pixels.
        n: tiles of each texture.
        repeat: how often a tile is repeated in its preview, in each direction.
        morph: another texture to learn; morph.png and morph.gif change from the first texture
            into it.
        together: one generator for all textures, as for a morph: less sharp.
        tell: is called with a message after each stage.
        lang: language of the report, "en" or "zh"; "": by GANVAS_LANG, else en.

    Returns: the content of tiles.json.
    Raises: UsageError: see `Tiles.draw`, `Quilts.draw`, `learn_tiles`.
    """
    began, lang = time.perf_counter(), chosen(lang)
    learning = {"morph": morph, "together": together, "kimg": kimg, "overrides": overrides}
    engine = _engine(engine, [name for name, value in learning.items() if value])
    _check_counts(n, repeat, size)
    report.check(Path(folder))
    base, files = Path(folder), [Path(path) for path in [*textures, *([morph] if morph else [])]]
    found = _check(files, size, morph, scale, overrides or {}, engine)
    runs: list[Run] = []
    drawn: list[TileFile] = []
    if engine == "patch":
        begin(base, {"kit": "patterns tile", "engine": engine}, work.REQUEST)
        drawn = _write_each(Quilts(found), found, base, size, n, repeat, seed)
    else:
        groups = [found] if together or morph else [[one] for one in found]
        options = {"kimg": kimg, "scale": scale, "seed": seed, "overrides": overrides}
        for tiles, group in _learnt(groups, base, {**options, "progress": progress}, tell):
            runs.append(tiles.run)
            drawn += _write_each(tiles, group, base, size, n, repeat, seed, first=not drawn)
            if morph:
                _morph(tiles, base, size, seed, tell)
    return _summary(base, engine, runs, drawn, size, time.perf_counter() - began, lang)


def _engine(engine: str, learning: Sequence[str]) -> str:
    """The engine; `learning` names options that were given and that only a generator has."""
    if engine not in ENGINES:
        raise UsageError(no_such("engine", engine, ENGINES))
    if engine == "patch" and learning:
        raise UsageError(
            f"the engine patch trains nothing, got {', '.join(learning)}: leave that out, or "
            "choose the engine gan"
        )
    return "gan" if engine == "gan" or learning else "patch"


def _learnt(
    groups: Sequence[Sequence[Texture]],
    base: Path,
    options: dict[str, Any],
    tell: Callable[[str], None],
) -> Iterator[tuple[Tiles, Sequence[Texture]]]:
    """A generator of each group of textures, until one is interrupted."""
    apart = len(groups) > 1
    if apart:
        begin(base, {"kit": "patterns tile", "textures": "each by itself"}, work.REQUEST)
    for group in groups:
        place = base / "learnt" / group[0].name if apart else base
        tiles = learn_tiles([one.path for one in group], place, **options)
        tell(f"trained {', '.join(tiles.names)} ({work.seconds_of(tiles.run):.0f} s of training)")
        yield tiles, group
        if tiles.run.status() == "interrupted":
            return


def _summary(
    base: Path,
    engine: str,
    runs: Sequence[Run],
    drawn: Sequence[TileFile],
    size: tuple[int, int],
    seconds: float,
    lang: str,
) -> TilesReport:
    """Write tiles.json and report.html, and return what they say."""
    result = TilesReport(
        runs=tuple(str(run.folder) for run in runs),
        size=size,
        status=runs[-1].status() if runs else "finished",
        tiles=tuple(drawn),
        ratio=float(np.mean([one.seams.ratio for one in drawn])),
        within=float(np.mean([one.seams.within for one in drawn])),
        seconds_training=sum(map(work.seconds_of, runs)),
        seconds=round(seconds, 1),
        engine=engine,
        distance=float(np.mean([one.distance for one in drawn])),
        repeats=float(np.mean([one.repeats for one in drawn])),
    )
    write_json(base / "tiles.json", result.to_dict())
    report.write_tiles_report(base, result, lang)
    return result


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
    engine: str,
) -> list[Texture]:
    """The textures, after all checks that are possible before training. Raises UsageError."""
    if engine == "patch":
        check_size(size)
        return read_textures(files, scale, SHARP)
    cells_of(size, recipe_networks(values).stride)
    found = read_textures(files, scale)
    if morph and len(found) == len(read_textures(files[:-1], scale)):
        raise UsageError(f"--morph {morph} is one of the textures already: give another file")
    return found


def _write_each(
    drawer: Drawer,
    textures: Sequence[Texture],
    base: Path,
    size: tuple[int, int],
    n: int,
    repeat: int,
    seed: int,
    first: bool = True,
) -> list[TileFile]:
    """Tiles and previews of each texture, and pictures of the first tile in use."""
    drawn: list[TileFile] = []
    made = not isinstance(drawer, Quilts)  # by a trained model, as files must say
    with stage("drawing", len(drawer.names) * n, "tiles") as drawing:
        for name, texture in zip(drawer.names, textures, strict=True):
            likeness = Likeness(texture.pixels)
            for number in range(seed, seed + n):
                tile, about = drawer.draw(size, name, number), drawer.about(name, number)
                file = f"{file_name(name, drawer.names)}-{number:04d}.png"
                shown = {f"tiles/{file}": tile, f"previews/{file}": repeated(tile, repeat)}
                if first and not drawn:
                    shown |= {"wallpaper.png": wallpaper(tile), "fabric.png": fabric(tile)}
                for place, picture in shown.items():
                    pictures.write_png(base / place, picture, about, synthetic=made)
                drawn.append(TileFile(
                    f"tiles/{file}", name, number, seams(tile), likeness.distance(tile),
                    round(repeats(tile), 3),
                ))  # fmt: skip
                drawing.advance()
    return drawn


def _morph(
    tiles: Tiles, base: Path, size: tuple[int, int], seed: int, tell: Callable[[str], None]
) -> None:
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
    tell("wrote morph.png and morph.gif")
