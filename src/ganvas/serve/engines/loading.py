"""Which engine serves a version, and loading by it. Needs no TensorFlow until it is chosen."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ...base.files import read_object
from ...storage import manifest
from ..config import Batching
from ..signatures import FLOAT32
from ..status import Declined
from .base import Servable

ENGINES = ("auto", "tensorflow", "litert")
"""auto: LiteRT where the manifest lists its file in float32, which `ganvas export` has compared
with the generator; else TensorFlow."""


def chosen(engine: str, folder: Path) -> str:
    """The engine of a version: "tensorflow" or "litert"."""
    if engine != "auto":
        return engine
    return "litert" if has_file(folder) else "tensorflow"


def has_file(folder: Path) -> bool:
    """Whether the manifest of a version lists a LiteRT file in float32 of a generator."""
    with contextlib.suppress(OSError, ValueError):
        facts: dict[str, Any] = read_object(folder / manifest.NAME)
        return FLOAT32 in (facts.get("artefacts") or ()) and "noise_size" in facts
    return False


def is_served(engine: str, folder: Path) -> bool:
    """Whether a version is for a server: it holds a SavedModel, or a file that LiteRT serves, or is
    not complete yet."""
    if (folder / "saved_model.pb").is_file() or not (folder / manifest.NAME).is_file():
        return True
    return engine != "tensorflow" and has_file(folder)


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
    if chosen(engine, folder) == "litert":
        from .litert import LiteRTServable

        return LiteRTServable(name, version, folder)
    try:
        from .tensorflow import TensorFlowServable
    except ModuleNotFoundError as error:
        raise Declined(
            "FAILED_PRECONDITION",
            f"{folder} is computed by TensorFlow, which is not installed ({error}): install it, or "
            "export the model with --formats litert",
        ) from error
    return TensorFlowServable(name, version, folder, batching, max_images, trusted)
