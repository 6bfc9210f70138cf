"""Exported models and detectors of the workspace, and scores of detectors."""

from __future__ import annotations

import contextlib
import csv
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from ..base.csv_files import exact
from ..base.files import disk_errors, read_object
from ..serve.status import Declined
from ..storage import manifest
from .workspace import Workspace, one_name

GENERATOR, DETECTOR = "generator", "defects"
SCORES = "scores.csv"
MOST_ROWS = 500


def listed(workspace: Workspace) -> list[dict[str, Any]]:
    """The models, by name: their kind, versions, and the files of the newest version."""
    folder = workspace.of("models")
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    return [found for one in places if one.name[0] != "." and (found := _facts(one))]


def _facts(folder: Path) -> dict[str, Any] | None:
    """None: no complete version."""
    with contextlib.suppress(OSError, ValueError):
        versions = manifest.versions(folder)
        whole = [number for number, one in versions.items() if (one / manifest.NAME).is_file()]
        if not whole:
            return None
        facts = read_object(versions[whole[-1]] / manifest.NAME)
        artefacts = facts.get("artefacts")
        files = artefacts if isinstance(artefacts, dict) else {}
        return {
            "name": folder.name,
            "kind": DETECTOR if facts.get("kind") == DETECTOR else GENERATOR,
            "versions": whole,
            "artefacts": {
                str(name): one.get("bytes") for name, one in files.items() if isinstance(one, dict)
            },
            "shape": facts.get("shape"),
            "alpha": facts.get("alpha"),
        }
    return None


def packed(workspace: Workspace, name: Any, version: Any) -> Path:
    """A version as a zip file in a folder for it, which the caller removes.

    Raises: Declined: there is no such version. ModelError: it is damaged.
    """
    folder = workspace.existing("models", name)
    found = manifest.versions(folder)
    number = int(version) if str(version).isdecimal() and len(str(version)) < 18 else -1
    if number not in found:
        raise Declined("NOT_FOUND", f"models/{name} has no version {version}")
    manifest.verify(found[number])
    hidden = workspace.made("hidden")
    with disk_errors(hidden):
        target = Path(tempfile.mkdtemp(prefix="download-", dir=hidden)) / f"{name}-{number}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in sorted(found[number].rglob("*")):
                if file.is_file() and not file.is_symlink():
                    archive.write(file, Path(name, str(number), file.relative_to(found[number])))
    return target


def scores(workspace: Workspace, name: Any) -> dict[str, Any]:
    """The table of `ganvas defects score`: the most unusual images first."""
    path = workspace.existing("scores", name) / SCORES
    if not path.is_file():
        raise Declined("NOT_FOUND", f"scores/{name} has no table yet: its job has not ended")
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.DictReader(file))
    found: list[dict[str, Any]] = [
        {
            "name": Path(exact(row.get("path") or "")).name,
            "picture": row.get("picture") or "",
            "score": _number(row.get("score")),
            "p_value": _number(row.get("p_value")),
            "defective": row.get("defective") == "1",
        }
        for row in rows
    ]
    found.sort(key=lambda one: -(one["score"] or 0))
    bad = sum(bool(one["defective"]) for one in found)
    return {"count": len(found), "defective": bad, "images": found[:MOST_ROWS]}


def heatmap(workspace: Workspace, name: Any, picture: Any) -> Path:
    """The picture of an image with its heat-map. Raises: Declined: there is none of this name."""
    path = workspace.existing("scores", name) / one_name(picture)
    if path.suffix != ".png" or not path.is_file():
        raise Declined("NOT_FOUND", f"scores/{name} has no picture {picture!r}")
    return path


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
