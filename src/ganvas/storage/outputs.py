"""Folders that ganvas itself has written: their images are results, not data."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from . import job, manifest

_MARKS: dict[str, tuple[str, ...]] = {
    job.REQUEST: (),
    "kit.json": ("kit",),
    "study.json": ("version", "plan", "images"),
    "fit.json": ("fingerprint",),
    "samples.json": ("ganvas",),
    "delivery.json": ("delivered", "sha256"),
    manifest.NAME: ("software", "models", "limits"),
}
"""File -> the keys that it has if ganvas has written it. Names such as manifest.json are common."""
_SCORES = "path,picture,score,p_value,defective"
"""The first line of scores.csv, beside the heat-maps of `ganvas defects score --out`."""


def is_run(files: Collection[str], folders: Collection[str], folder: Path) -> bool:
    """Whether a folder that holds these files and folders is a run. A killed one may lack some."""
    if "config.toml" not in files or not ({"run.json", "state"} & {*files, *folders}):
        return False
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (folder / "config.toml").read_text("utf-8").startswith("recipe = ")
    return False


def is_output(files: Collection[str], folders: Collection[str], folder: Path) -> bool:
    """Whether ganvas has written a folder that holds these files and folders: a run, an exported
    model, drawn images, or the folder of a kit."""
    if is_run(files, folders, folder):
        return True
    for name in _MARKS.keys() & files:
        found = _read(folder / name)
        if found and {*_MARKS[name]} <= found.keys():
            return True
        if name == manifest.NAME and _hashes(found.get("files")):
            return True
    if "scores.csv" in files:
        with contextlib.suppress(OSError, ValueError), (folder / "scores.csv").open() as lines:
            return lines.readline().strip() == _SCORES
    return False


def is_drawn(file: Path) -> bool:
    """Whether `ganvas sample` has written this PNG file: its first text fields name the model."""
    with contextlib.suppress(OSError), file.open("rb") as png:
        head = png.read(64)
        if head[37:41] == b"iTXt" and head[41:47] == b"model\0":
            return b"truncation\0" in head + png.read(4096)
    return False


def _hashes(files: Any) -> bool:
    """Whether these are the files of an exported model: name -> sha256."""
    return isinstance(files, dict) and all(len(str(one)) == 64 for one in files.values())


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(file.read_text("utf-8"))
        return found if isinstance(found, dict) else {}
    return {}
