"""Which engine serves a version, and loading by it. Needs no TensorFlow until it is chosen."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any, NamedTuple

from ...base import extras
from ...base.files import read_object
from ...errors import MissingExtra
from ...storage import manifest
from ..config import Batching
from ..status import Declined
from .base import Servable


class FileEngine(NamedTuple):
    """An engine that computes a generator from one file of a version.

    Attributes:
        file: of the version.
        needs: module that must be installed.
        kind: its class, in the module of this folder that is named as the engine.
    """

    file: str
    needs: str
    kind: str


BY_FILE = {
    "litert": FileEngine(manifest.FLOAT32, "ai_edge_litert", "LiteRTServable"),
    "onnx": FileEngine(manifest.ONNX, "onnxruntime", "ONNXServable"),
}
"""In the order in which `auto` takes them."""
ENGINES = ("auto", "tensorflow", *BY_FILE)
"""auto: LiteRT or else ONNX Runtime, if it is installed and the manifest lists its file, which
`ganvas export` has compared with the generator; else TensorFlow."""


def chosen(engine: str, folder: Path) -> str:
    """The engine of a version: one of `ENGINES`, not "auto"."""
    if engine != "auto":
        return engine
    there = [name for name in BY_FILE if has_file(folder, name)]
    able = [name for name in there if extras.installed(BY_FILE[name].needs)]
    if not able and not (folder / "saved_model.pb").is_file():
        able = there  # the error says what to install
    return next(iter(able), "tensorflow")


def has_file(folder: Path, engine: str) -> bool:
    """Whether the manifest of a version lists the file of this engine, of a generator."""
    with contextlib.suppress(OSError, ValueError):
        facts: dict[str, Any] = read_object(folder / manifest.NAME)
        return BY_FILE[engine].file in (facts.get("artefacts") or ()) and "noise_size" in facts
    return False


def is_served(engine: str, folder: Path) -> bool:
    """Whether a version is for a server: it holds a SavedModel, or a file of the engine, or is not
    complete yet."""
    if (folder / "saved_model.pb").is_file() or not (folder / manifest.NAME).is_file():
        return True
    return any(has_file(folder, name) for name in BY_FILE if engine in ("auto", name))


def load(
    engine: str,
    name: str,
    version: int,
    folder: Path,
    batching: Batching | None = None,
    max_images: int = 64,
    trusted: bool = False,
) -> Servable:
    """Args: see `ServeOptions`. Raises: Declined: it cannot be loaded."""
    by = chosen(engine, folder)
    try:
        if by == "tensorflow":
            from .tensorflow import TensorFlowServable

            return TensorFlowServable(name, version, folder, batching, max_images, trusted)
        kind = getattr(importlib.import_module(f"{__package__}.{by}"), BY_FILE[by].kind)
        return kind(name, version, folder)
    except ModuleNotFoundError as error:
        try:
            otherwise = "export the model with --formats litert" if by == "tensorflow" else ""
            extras.explain(error, f"the engine {by} of {folder}", otherwise)
        except MissingExtra as missing:
            raise Declined("FAILED_PRECONDITION", str(missing)) from error
        raise
