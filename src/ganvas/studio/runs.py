"""What the page shows of a run: facts, curves, the doctor, samples, scores. Reads run folders
only."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..doctor import diagnose
from ..doctor.failures import FAILURES
from ..doctor.health_report import improvement, verdict
from ..errors import GanvasError, RunError
from ..serve.status import Declined
from ..storage.run import Run, list_runs
from ..storage.summary import RunSummary, compare, summary
from .workspace import Workspace

MOST_POINTS = 240
"""Points of a curve."""
MOST_GRIDS = 40
"""Grids of the course of training that the page offers: spread over it."""
CHARTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "distance": (("signal/lite0/distance", "signal/distance"),),
    "diversity": (("signal/lite0/diversity", "signal/diversity"),),
    "losses": (("generator",), ("discriminator",)),
    "separation": (("signal/separation",),),
    "score": (("score/frechet", "score/kid"),),
}
"""Chart -> its lines; of each line the first name that the log has."""


def listed(workspace: Workspace) -> list[dict[str, Any]]:
    """The runs of the workspace, those that were changed last first."""
    folder = workspace.of("runs")
    runs = list_runs(folder) if folder.is_dir() else []
    found = [
        {**_summary(run).to_dict(), "state": _state(run), "cover": cover(run), "changed": changed}
        for run in runs
        for changed in [max(_changed(run))]
    ]
    return sorted(found, key=lambda one: -one["changed"])


def opened(workspace: Workspace, name: Any) -> Run:
    """Raises: Declined: there is no such run. RunError: another folder."""
    return Run.open(workspace.existing("runs", name))


def facts(run: Run) -> dict[str, Any]:
    """All that the page of a run shows, without the job that trains it."""
    one, rows, info = _summary(run), run.rows(), run.info
    last = rows[-1] if rows else {}
    data = info.get("data") or {}
    return {
        **one.to_dict(),
        "state": _state(run),
        "wall_seconds": last.get("wall_seconds", last.get("seconds", 0.0)),
        "expected_seconds": info.get("expected_seconds"),
        "images_per_second": last.get("images_per_second"),
        "step": last.get("step", 0),
        "ticks": len(rows),
        "images": {key: data.get(key) for key in ("source", "count", "shape", "names")},
        "parent": info.get("parent"),
        "charts": charts(rows, one.floor),
        "grids": grids(run),
        "reals": (run.folder / "samples" / "reals.png").is_file(),
        "drawable": run.model() is not None,
        "doctor": doctor(run),
        "fixes": [
            {"kimg": fix["kimg"], "failure": fix["disease"], "settings": fix["cure"]}
            for fix in info.get("healed") or ()
        ],
        "evaluation": evaluation(run),
    }


def charts(rows: Sequence[Mapping[str, Any]], floor: float | None) -> list[dict[str, Any]]:
    """Curves over kimg, each of at most `MOST_POINTS`."""
    found = []
    for name, lines in CHARTS.items():
        drawn = []
        for names in lines:
            key = next((one for one in names if any(one in row for row in rows)), None)
            if key is not None:
                points = [
                    (row["kimg"], row[key]) for row in rows if key in row and "cure" not in row
                ]
                drawn.append({"name": key, "points": thinned(points)})
        if drawn:
            found.append(
                {"name": name, "lines": drawn, "floor": floor if name == "score" else None}
            )
    return found


def thinned(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    """At most `MOST_POINTS` of them; the first and the last stay."""
    count = len(points)
    if count > MOST_POINTS:
        step = (count - 1) / (MOST_POINTS - 1)
        points = [points[round(i * step)] for i in range(MOST_POINTS)]
    return [[kimg, float(f"{value:.5g}")] for kimg, value in points]


def doctor(run: Run) -> dict[str, Any]:
    """The diagnosis in the form of `ganvas doctor --json`, with meanings, or why there is none."""
    try:
        found = diagnose(run)
    except RunError as error:
        return {"healthy": None, "findings": [], "sentence": "", "why": str(error)}
    return {
        **found.to_dict(),
        "findings": [
            {**one.to_dict(), "meaning": FAILURES[one.failure].meaning} for one in found.findings
        ],
        "sentence": verdict(found),
        "improvement": improvement(found.progress),
        "why": "",
    }


def grids(run: Run) -> list[dict[str, Any]]:
    """Grids of samples, oldest first: file name, kimg, and a mark that changes with the file."""
    files = sorted((run.folder / "samples").glob("[0-9]*.png"))
    if len(files) > MOST_GRIDS:
        step = (len(files) - 1) / (MOST_GRIDS - 1)
        files = [files[round(i * step)] for i in range(MOST_GRIDS)]
    return [
        {"file": one.name, "kimg": int(one.stem), "mark": one.stat().st_mtime_ns // 1_000_000}
        for one in files
        if one.stem.isdecimal()
    ]


def cover(run: Run) -> dict[str, Any] | None:
    """The newest grid, for a list."""
    found = grids(run)
    return found[-1] if found else None


def sample_file(run: Run, name: Any) -> Path:
    """A picture in samples/. Raises: Declined: there is none of this name."""
    known = {one.name: one for one in (run.folder / "samples").glob("*.png")}
    if name not in known:
        raise Declined("NOT_FOUND", f"the run has no picture {name!r}")
    return known[name]


def evaluation(run: Run) -> dict[str, Any] | None:
    """What `ganvas evaluate` found; None: it was not run, or for another model."""
    from ..evaluation.run_pages import evaluated

    found = evaluated(run)
    keys = ("headline", "scores", "gate", "n_real", "n_fake", "model", "features", "lost_classes")
    return {key: found.get(key) for key in keys} if found else None


def report(run: Run) -> Path:
    """The page of `ganvas report`."""
    from ..evaluation.run_pages import report_of

    return report_of(run)


def comparison(workspace: Workspace, first: Any, second: Any) -> dict[str, Any]:
    """Two runs side by side: as `ganvas runs --compare --json`, with grids and curves."""
    pair = opened(workspace, first), opened(workspace, second)
    found = compare(*pair).to_dict()
    for run, one in zip(pair, found["runs"], strict=True):
        one["cover"], one["charts"] = cover(run), charts(run.rows(), one["floor"])
    return found


def _state(run: Run) -> str:
    """As of `RunSummary`; the check of all files is not done again."""
    try:
        return "damaged" if _summary(run).faults else run.status()
    except GanvasError:
        return "damaged"


def _changed(run: Run) -> tuple[float, ...]:
    """Times of the files on which a summary depends."""
    names = ("config.toml", "run.json", "log.jsonl", "best.json")
    files = (run.folder / name for name in names)
    return tuple(file.stat().st_mtime if file.exists() else 0.0 for file in files)


def _summary(run: Run) -> RunSummary:
    return _summary_of(run.folder, _changed(run))


@functools.lru_cache(maxsize=200)
def _summary_of(folder: Path, changed: tuple[float, ...]) -> RunSummary:
    """Kept until a file changes: it reads all files of a run."""
    return summary(Run(folder))
