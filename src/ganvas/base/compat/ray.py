"""Private names of Ray 2.60."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

FOLDER = "_temp_dir"
"""The argument of `ray.init` for the folder of its sockets and logs."""


@contextlib.contextmanager
def loopback_only() -> Iterator[None]:
    """A Ray that is started within this listens on 127.0.0.1 alone.

    Ray has no option for it. By the environment (RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER) it works only
    before Ray is imported.
    """
    from ray._private import ray_constants

    constants: Any = ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before
