"""Before a training: its recipe and its images."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base.progress import stage
from ..base.types import StrPath
from ..config import Config
from ..data import Images, header, load as load_images, options_of
from ..data.sources import lasting_name
from ..errors import Advice, UsageError
from ..storage.run import Run
from .assembly import advice, import_own_parts, settle
from .choosing import read


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
    with stage("reading the images"):
        announce = header.show_found if progress else None
        source = load_images(data, options_of(config, run), announce)
    return settle(config, source, source_name), source
