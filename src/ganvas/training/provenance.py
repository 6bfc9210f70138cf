"""Documents of a run that are written before its first step: run.json, data.json, real images."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import tensorflow as tf

from .. import images as pictures
from ..base.files import disk_errors
from ..config import Config
from ..data import Images, header
from ..storage.run import Run
from .callbacks import real_grid
from .session import now


def write_documents(run: Run, about: Mapping[str, Any], source: Images) -> None:
    """Write run.json, data.json and a grid of real images.

    Resuming calls it too, because the run may have been killed before all were written.
    """
    reals = run.folder / "samples" / "reals.png"
    run.write_json("run.json", about)
    run.write_json("data.json", source.report.to_dict())
    if not reals.exists():
        with disk_errors(reals):
            pictures.write_png(reals, real_grid(source))


def announce(config: Config, source: Images, run: str = "") -> None:
    """Write the second part of the header: what is trained on, how, and where."""
    name = f"{config.recipe}, {config.train.kimg:g} kimg"
    header.show_used(source, {"recipe": name, "run": run})


def describe(config: Config, source: Images, anew: list[str]) -> dict[str, Any]:
    """The contents of run.json: the origin of this run."""
    return {
        "status": "running",
        "created": now(),
        "command": shlex.join(sys.argv),
        "recipe": config.recipe,
        "seed": config.train.seed,
        "data": {
            "source": config.data.source,
            "fingerprint": source.fingerprint,
            "count": source.count,
            "shape": list(source.shape),
            "names": list(source.names),
            "class_counts": list(source.class_counts),
            "class_shares": list(source.class_shares),
        },
        "parent": config.parent or None,
        "started_anew": anew,
        "versions": versions(),
        "devices": devices(),
    }


def versions() -> dict[str, str]:
    """Versions of the software of this process, and its platform."""
    found = {name: metadata.version(name) for name in ("ganvas", "tensorflow", "keras", "numpy")}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}


def devices() -> list[str]:
    """Every device of TensorFlow: the GPUs' names, and the CPU with its number of cores."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    return [*names, f"CPU ({os.cpu_count()} cores)"]
