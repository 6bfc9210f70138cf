"""Folders that ganvas itself has written: their images are results, not data."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Any

from ..base.files import read_object
from ..base.types import StrPath
from ..config.schema import ADDRESS
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
NAMES = (*_MARKS, "config.toml", "run.json", "scores.csv")
"""Files by which such folders are recognised."""


def is_run(folder: StrPath) -> bool:
    """Whether a folder is a run. A killed one may lack some files."""
    if not (_has(folder, "config.toml") and (_has(folder, "run.json") or _has(folder, "state"))):
        return False
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = Path(folder, "config.toml").read_text("utf-8").removeprefix(ADDRESS)
        return text.startswith("recipe = ")
    return False


def is_output(folder: StrPath) -> bool:
    """Whether ganvas has written a folder: a run, an exported model, drawn images, or the folder
    of a kit."""
    if is_run(folder):
        return True
    for name in filter(partial(_has, folder), _MARKS):
        found = _read(Path(folder, name))
        if found and {*_MARKS[name]} <= found.keys():
            return True
        if name == manifest.NAME and _hashes(found.get("files")):
            return True
    if _has(folder, "scores.csv"):
        with contextlib.suppress(OSError, ValueError), Path(folder, "scores.csv").open() as lines:
            return lines.readline().strip() == _SCORES
    return False


def is_drawn(file: Path) -> bool:
    """Whether `ganvas sample` has written this PNG file: its first text fields name the model."""
    with contextlib.suppress(OSError), file.open("rb") as png:
        head = png.read(64)
        if head[37:41] == b"iTXt" and head[41:47] == b"model\0":
            return b"truncation\0" in head + png.read(4096)
    return False


def _has(folder: StrPath, name: str) -> bool:
    """Whether a regular file, or a folder, is there: a pipe is never opened."""
    path = os.path.join(folder, name)  # noqa: PTH118 - a Path takes ten times as long
    return os.path.isfile(path) or os.path.isdir(path)  # noqa: PTH112, PTH113


def _hashes(files: Any) -> bool:
    """Whether these are the files of an exported model: name -> sha256."""
    return isinstance(files, dict) and all(len(str(one)) == 64 for one in files.values())


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        return read_object(file)
    return {}
