"""The folder of what can be computed again: deleting it costs time, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from .files import home


def cache_folder() -> Path | None:
    """$GANVAS_CACHE, else the user's cache folder. None if there is no home folder: then nothing is
    cached."""
    if own := os.environ.get("GANVAS_CACHE"):
        return Path(own)
    if user := os.environ.get("XDG_CACHE_HOME"):
        return Path(user) / "ganvas"
    place = home()
    return place / ".cache" / "ganvas" if place else None
