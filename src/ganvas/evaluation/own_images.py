"""The images that a run was trained on, where they are now."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

from ..config import Config
from ..data import Images, load as load_images, options_of
from ..errors import Advice, RunError, UsageError
from ..storage import remote
from ..storage.run import Run


def own_images(run: Run, config: Config, data: Any) -> tuple[Images | None, Any]:
    """The images that the run was trained on, and the other images that are given, if any. Images
    are known by their content: those that are given may be the run's own, at a new place."""
    known = (run.info.get("data") or {}).get("fingerprint") or ""
    own, why = None, ""
    if source := _own(config, data):
        try:
            run.check_place("name their new place by --data")
            own = load_images(source, options_of(config, run))
            if known and own.fingerprint != known:
                raise RunError(
                    f"the images of {run.folder} have changed since training ({source}), so its "
                    "held-out images are not known: restore them, name their copy by --data, or "
                    "train again"
                )
        except UsageError as error:
            if data is None:
                raise
            own, why = None, str(error).partition(": ")[0]
    if own is None and known and data is not None:
        with contextlib.suppress(UsageError):  # such as: too small; they are read otherwise
            given = load_images(data, options_of(config, run))
            if given.fingerprint == known:
                return given, None
    if why:
        note = f"{why}: copies of training images are not searched for: those by --data are others"
        warnings.warn(note, Advice, stacklevel=4)
    return own, data


def _own(config: Config, data: Any) -> str:
    """The name of the run's own images; empty if there is none, or it is an address that a file may
    not name, and other images are given. Raises: UsageError: such an address, and none are given.
    """
    source = config.data.source
    if source and str(data) != source:
        try:
            remote.trusted(source)
        except UsageError:
            if data is None:
                raise
            return ""
    return source
