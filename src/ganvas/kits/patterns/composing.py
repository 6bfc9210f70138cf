"""`ganvas patterns logos` on SVG drawings: composes marks, and writes them as paths and pictures,
with the nearest drawing to each."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...base.files import write_file, write_json
from ...base.progress import counted, stage
from ...errors import UsageError, no_such
from ...reports.language import chosen
from ...storage.job import begin
from . import report, work
from .colour import ink
from .composer import FEWEST, Composed, Composer, learn_marks, svg_files, svg_of
from .paths.outline import drawn
from .results import LogoFile, LogosReport, VectorFile

ENGINES = ("auto", "compose", "gan")
INK = "#1c1c1c"
LARGE, SHOWN = 512, 144
"""Side in pixels of a picture of a mark, and of a mark in a sheet."""
SCORED = 400
"""Marks that are composed for precision and recall: few say nothing about a set."""
NEAREST = 12


def engine_of(engine: str, data: Any, options: Mapping[str, Any]) -> str:
    """The engine for data; `options` are those that only a generator has, with their values.

    Raises: UsageError: no such engine, or options or data that do not fit it.
    """
    if engine not in ENGINES:
        raise UsageError(no_such("engine", engine, ENGINES))
    learning = [name for name, value in options.items() if value]
    if engine == "gan":
        return engine
    folder = Path(data) if isinstance(data, (str, os.PathLike)) else None
    drawings = svg_files(folder) if folder is not None and folder.is_dir() else []
    if engine == "compose":
        if not drawings:
            raise UsageError(f"--engine compose needs a folder with SVG files, got {data}")
        if learning:
            raise UsageError(
                f"--engine compose trains nothing, got {', '.join(learning)}: omit it, or use "
                "--engine gan"
            )
    return "compose" if len(drawings) >= FEWEST and not learning else "gan"


def compose_logos(
    data: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    palette: Sequence[str] = (),
    n: int = 32,
    judge: bool = True,
    seed: int = 0,
    tell: Callable[[str], None] = lambda message: None,
    lang: str = "",
) -> LogosReport:
    """Write marks that are composed of the parts of SVG drawings.

    Args:
        data: a folder with SVG files.
        folder: for logos/, svg/, logos.png, set.png, nearest.png, logos.json, report.html.
        palette, n, judge, seed, tell, lang: see `make_logos`.

    Returns: the content of logos.json.
    Raises: DataError, UsageError: see `learn_marks`, `Composer.compose`.
    """
    began, base, lang = time.perf_counter(), Path(folder), chosen(lang)
    composer = learn_marks(data, seed=seed, judge=judge)
    begin(base, {"kit": "patterns logos", "engine": "compose", "images": composer.fingerprint},
          work.REQUEST)  # fmt: skip
    for sentence in composer.left_out[:3]:
        tell(f"left out: {sentence}")
    tell(f"read {len(composer.names)} drawings, {len(composer.left_out)} left out; "
         f"{len(composer.grammar.parts)} parts can be used")  # fmt: skip
    composed = composer.compose(n, seed)
    scores = _scores(composer, composed, seed) if composer.reference.judged else {}
    colours = [palette[i % len(palette)] if palette else INK for i in range(n)]
    items = _write_each(composer, composed, colours, base, seed)
    _write_sheets(composer, composed, colours, base, len(palette))
    tell(f"composed {n} logos; {composed.refused} near-copies were refused")
    result = LogosReport(
        run="", status="finished", kinds=tuple(sorted({mark.layout for mark in composed.marks})),
        truncation=1.0, palette=tuple(palette), refused=composed.refused, training_palette=(),
        precision_recall=(), logos=tuple(items), seconds_training=0.0,
        seconds=round(time.perf_counter() - began, 1), engine="compose", scores=scores,
    )  # fmt: skip
    write_json(base / "logos.json", result.to_dict())
    report.write_marks_report(base, result, composer.grammar.facts(), lang)
    report.remove_old(base, result.logos)
    return result


def _scores(composer: Composer, composed: Composed, seed: int) -> dict[str, float | None]:
    """Precision, recall and coverage of marks like these, against drawings that no choice depends
    on; nothing if there are too few of either."""
    many = composed if len(composed) >= SCORED else composer.compose(SCORED, seed)
    found = composer.scores(many, seed)
    return {name: None if s.value is None else round(s.value, 4) for name, s in found.items()}


def _write_each(
    composer: Composer, composed: Composed, colours: Sequence[str], base: Path, seed: int
) -> list[LogoFile]:
    from ... import __version__

    items = []
    with stage("writing", len(composed), "logos") as writing:
        for i, mark in enumerate(counted(composed.marks, writing)):
            name = composer.names[composed.nearest[i]]
            parts = tuple(composer.names[row] for row in mark.sources)
            about = {
                "Software": f"ganvas {__version__}", "engine": "compose", "seed": str(seed),
                "number": str(i), "layout": mark.layout, "parts": ", ".join(parts),
                "nearest": f"nearest is {name} at distance {composed.distance[i]:.3f}",
            }  # fmt: skip
            picture = ink(drawn(mark.shapes, LARGE, 2), colours[i])
            pictures.write_png(base / "logos" / f"{i:04d}.png", picture, about)
            facts = "; ".join(f"{key}: {value}" for key, value in about.items())
            text = svg_of(mark, colours[i], facts)
            path = base / "svg" / f"{i:04d}.svg"
            path.parent.mkdir(exist_ok=True)
            write_file(path, text)
            items.append(LogoFile(
                file=f"logos/{i:04d}.png", kind=mark.layout, main=colours[i],
                nearest=int(composed.nearest[i]), nearest_name=name,
                distance=round(float(composed.distance[i]), 4),
                svg=VectorFile(f"svg/{i:04d}.svg", len(text), 0.0), parts=parts,
            ))  # fmt: skip
    return items


def _write_sheets(
    composer: Composer, composed: Composed, colours: Sequence[str], base: Path, count: int
) -> None:
    """All marks, as many drawings of the set, and each mark above the drawing nearest to it."""
    large = np.stack([ink(drawn(mark.shapes, SHOWN), colour)
                      for mark, colour in zip(composed.marks, colours, strict=True)])  # fmt: skip
    if count > 1:  # a row, or several, for each colour
        order = np.argsort(np.arange(len(large)) % count, kind="stable")
        large = large[order]
    columns = min(8, len(large))
    pictures.write_png(
        base / "logos.png", pictures.grid(large, columns, 24), {"Software": "ganvas"}
    )
    every = composer.pictures[:: max(1, len(composer.pictures) // len(large))][: len(large)]
    pictures.write_png(
        base / "set.png", pictures.grid(_rgb(every), columns, 10), {"Software": "ganvas"}
    )
    some = min(NEAREST, len(composed))
    pairs = np.concatenate([_rgb(composed.pictures[:some]),
                            _rgb(composer.pictures[composed.nearest[:some]])])  # fmt: skip
    pictures.write_png(base / "nearest.png", pictures.grid(pairs, some, 10),
                       {"Software": "ganvas"})  # fmt: skip


def _rgb(dark: np.ndarray) -> np.ndarray:
    return dark.repeat(3, axis=-1)
