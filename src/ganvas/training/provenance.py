"""Documents of a run that are written before its first step: run.json, data.json, real images."""

from __future__ import annotations

import os
import platform
import shlex
import sys
import warnings
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import tensorflow as tf

from .. import images as pictures
from ..base import plug_ins
from ..base.files import disk_errors
from ..config import Config
from ..data import Images, header
from ..data.groups import save
from ..errors import Advice, RunError
from ..gan.catalogue import TABLES, specs
from ..storage.run import GROUPS, Run
from .beginning import Begun
from .callbacks import real_grid
from .session import now
from .timing import Timed


def write_documents(run: Run, about: Mapping[str, Any], source: Images) -> None:
    """Write run.json, data.json, the groups and a grid of real images.

    Resuming calls it too, because the run may have been killed before all were written.
    """
    reals = run.folder / "samples" / "reals.png"
    run.write_json("run.json", about)
    run.write_json("data.json", source.report.to_dict())
    groups = run.folder / GROUPS
    if source.report.groups and not groups.exists():
        with disk_errors(groups):
            save(source, groups)
    if not reals.exists():
        with disk_errors(reals):
            pictures.write_png(reals, real_grid(source))


def announce(
    config: Config, source: Images, run: str = "", begun: str = "", timed: Timed | None = None
) -> None:
    """Write the last part of the header: what is trained on, how long, from what, and where."""
    epochs = config.train.epochs
    length = f"{config.train.kimg:g} kimg" if epochs else ""  # known by the number of images
    duration = timed.sentence(config) if timed else ""
    header.show_used(source, {"length": length, "from": begun, "time": duration, "run": run})


def check_images(run: Run, source: Images, place: str) -> None:
    """Compare the images of a run that is resumed with those that it was trained on. They are known
    by their content, not by their place.

    Raises: RunError: they are others.
    """
    fingerprint = (run.info.get("data") or {}).get("fingerprint")
    if fingerprint and fingerprint != source.fingerprint:
        raise RunError(
            f"the images of {run.folder} changed since it began ({place or 'arrays'}): put them "
            f"back, or start a new run with --from {run.folder}"
        )
    if not fingerprint and (run.folder / "run.json").exists():
        warnings.warn(
            f"{run.folder}/run.json is damaged, and is written again: whether the images are still "
            "the same is not known",
            Advice,
            stacklevel=3,
        )


def known_of(run: Run, config: Config) -> dict[str, Any]:
    """What run.json holds already, with the present place of the images."""
    known = run.info
    if known.get("data"):
        known["data"] = {**known["data"], "source": config.data.source}
    return known


def describe(
    config: Config, source: Images, begun: Begun | None, timed: Timed | None = None
) -> dict[str, Any]:
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
            "groups": source.report.groups,
        },
        "parent": config.parent or None,
        "transfer": begun and begun.to_dict(),
        "started_anew": begun.anew if begun else [],
        "expected_seconds": round(timed.seconds, 1) if timed else None,
        "versions": versions(),
        "plug_ins": used_plug_ins(config),
        "devices": devices(),
    }


def used_plug_ins(config: Config) -> list[dict[str, str]]:
    """The plug-ins that a recipe names, with their distributions and versions."""
    named = [(TABLES[key][0], name) for key, name, _ in specs(config)]
    named += [("logger", name) for name in config.watch.loggers]
    return plug_ins.records([*named, ("source", config.data.source.partition(":")[0])])


def versions() -> dict[str, str]:
    """Versions of the software of this process, and its platform."""
    found = {name: metadata.version(name) for name in ("ganvas", "tensorflow", "keras", "numpy")}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}


def devices() -> list[str]:
    """Every device of TensorFlow: the GPUs' names, and the CPU with its number of cores."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    return [*names, f"CPU ({os.cpu_count()} cores)"]
