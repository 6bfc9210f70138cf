"""What holds for every test of the whole: the package leaves the caller's process as it was."""

from __future__ import annotations

import os
import random
import signal
import sys

import numpy as np
import pytest

OTHERS = ("PYTEST_CURRENT_TEST", "RAY_")
"""Variables that change meanwhile: a Ray is started for several tests."""


@pytest.fixture(autouse=True)
def caller():
    """Nothing that the caller owns changes, whatever a test does with the package. It comes before
    every other fixture, and so looks again after them."""
    # First, because their import itself changes some of it, where the command line imports them.
    import keras  # noqa: F401
    import rich.progress
    import rich.table  # noqa: F401

    before = _owned_by_the_caller()
    yield
    after = _owned_by_the_caller()
    changed = [name for name in before if name in after and before[name] != after[name]]
    assert not changed, f"the test, or the package, has changed the caller's {', '.join(changed)}"


def _owned_by_the_caller() -> dict[str, object]:
    kind, keys, place, *normal = np.random.get_state()
    found: dict[str, object] = {
        "random state of Python": random.getstate(),
        "random state of NumPy": (kind, keys.tobytes(), place, *normal),
        "environment": {k: v for k, v in os.environ.items() if not k.startswith(OTHERS)},
        "signal handlers": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)],
    }
    if keras := sys.modules.get("keras"):
        found["dtype policy"] = keras.config.dtype_policy().name
        found["image layout"] = keras.config.image_data_format()
    return found
