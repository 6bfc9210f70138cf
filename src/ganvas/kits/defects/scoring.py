"""`ganvas defects score`: images from files, a chunk at a time, so that no folder is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...base.progress import stage
from .detector import Detector, Verdicts
from .good_images import CHUNK, Named, chunks, count_of
from .large import Cut, score_large
from .overlay import Writer
from .regions import Region, regions


def scored(
    detector: Detector, data: Any, alpha: float | None, out: Path | None, *, heatmaps: bool
) -> tuple[list[dict[str, Any]], float]:
    """Score images and write pictures and tables.

    Args:
        data: whatever `good_images.read` takes.
        out: a folder for heat-maps, scores.csv and regions.csv; None: none is written.
        heatmaps: regions are wanted, also without `out`.

    Returns: for each image its path, score, p_value, defective and, with heat-maps, regions; alpha.
    """
    rows: list[dict[str, Any]] = []
    writer = None if out is None else Writer(out)
    drawn = heatmaps or writer is not None
    used = detector.alpha if alpha is None else alpha
    with stage("scoring", count_of(data), "images") as progress:
        for named, verdicts, found in _verdicts(detector, data, alpha, drawn):
            if writer is not None:
                writer.add(named, verdicts, found)
            for i, path in enumerate(named.paths):
                score, p_value = float(verdicts.score[i]), float(verdicts.p_value[i])
                row = {"path": path, "score": round(score, 6), "p_value": round(p_value, 6),
                       "defective": bool(verdicts.defective[i])}  # fmt: skip
                if drawn:
                    row["regions"] = [one.to_dict() for one in found[i]]
                rows.append(row)
                progress.advance()
    if writer is not None:
        writer.close()
    return rows, used


def _verdicts(
    detector: Detector, data: Any, alpha: float | None, drawn: bool
) -> Iterator[tuple[Named, Verdicts, list[list[Region]]]]:
    cut = Cut.of(detector)
    if cut is None:
        size = max(CHUNK, detector.batch)
        for named in chunks(data, size - size % detector.batch, detector.shape, detector.levels):
            verdicts = detector.score(named.pixels, alpha=alpha, heatmaps=drawn)
            yield named, verdicts, detector.regions(verdicts) if drawn else []
        return
    for named in chunks(data, 1, (*cut.size, cut.channels), detector.levels):
        verdicts, _ = score_large(detector, named.pixels[0], alpha=alpha)
        found: list[Region] = []
        if verdicts.defective[0]:
            found = regions(verdicts.heatmap[0], detector.peaks(), verdicts.alpha)
        yield named, verdicts, [found]
