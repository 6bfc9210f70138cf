"""Before a training: its recipe and its images."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from ..base.progress import stage
from ..base.types import StrPath
from ..config import Config
from ..data import Images, header, load as load_images, options_of
from ..data.sources import lasting_name
from ..errors import Advice, UsageError
from ..storage.run import Run
from .assembly import advice, import_own_parts, settle
from .choosing import Undecided, read
from .deciding import MANY, Choice, Folder, Machine, decide, largest_side


def prepare(
    data: Any,
    recipe: StrPath | Config,
    values: Mapping[str, Any] | None,
    run: Run | None = None,
    progress: bool = False,
) -> tuple[Config, Images]:
    """Read the recipe, check the images, and set the values that depend on them.

    Args:
        run: the run that is resumed.
        progress: write the first part of the header.
    """
    config = read(recipe, values)
    import_own_parts(config)
    data = config.data.source if data is None else data
    source_name = lasting_name(data)
    if isinstance(data, str) and not source_name:
        raise UsageError(
            "no images are given: name a folder or file as DATA, or set data.source in the recipe"
        )
    if isinstance(config.data.labels, str):
        config = config.with_values({"data.labels": str(Path(config.data.labels).absolute())})
    for sentence in advice(config):
        warnings.warn(sentence, Advice, stacklevel=3)
    options, machine = options_of(config, run), this_machine(config)
    if isinstance(config, Undecided):
        options = replace(options, larger=(largest_side(machine), MANY))
    with stage("reading the images"):
        source = load_images(data, options, header.show_found if progress else None)
    if isinstance(config, Undecided):
        choice = chosen(source, machine)
        config = config.decided(choice)
        if progress:
            header.show_recipe(config, f"chosen for {choice.why}")
    return settle(config, source, source_name), source


def this_machine(config: Config) -> Machine:
    """The processors that train, and the minutes that they have."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    gpu = bool(tf.config.list_physical_devices("GPU"))
    return Machine(cores, gpu, config.train.minutes)


def chosen(source: Images, machine: Machine) -> Choice:
    """The recipe that suits these images."""
    report = source.report
    height, width = report.sizes.get("most_common") or source.shape[:2]
    return decide(Folder(report.used, source.shape, (height, width), source.classes), machine)
