"""Building networks without changing the caller's process."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator

import keras
import numpy as np

from ..errors import UsageError
from .compat.keras import random_state, set_random_state

_ONE_AT_A_TIME = threading.RLock()
"""Keras draws the seeds of initial weights from Python's own generator, which all threads share."""


def check_backend() -> None:
    """Raises: UsageError: Keras runs on another library than TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"Keras runs on {keras.backend.backend()}: ganvas needs TensorFlow; set "
            "KERAS_BACKEND=tensorflow before Keras is imported"
        )


@contextlib.contextmanager
def building(seed: int | None = None) -> Iterator[None]:
    """Build or read Keras networks within this: in float32, channels last, and with initial weights
    that follow from the seed. Afterwards the random state of Python, NumPy, Keras and TensorFlow,
    the dtype policy and the image layout are what they were. Other threads wait.

    Args:
        seed: None where no initial weight is kept.
    """
    check_backend()
    with _ONE_AT_A_TIME:
        python, numpy, others = random.getstate(), np.random.get_state(), random_state()
        policy, layout = keras.config.dtype_policy(), keras.config.image_data_format()
        try:
            keras.config.set_dtype_policy("float32")
            keras.config.set_image_data_format("channels_last")
            if seed is not None:
                keras.utils.set_random_seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            set_random_state(others)
            keras.config.set_dtype_policy(policy)
            keras.config.set_image_data_format(layout)


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Within `building`: layers made here compute in this precision; their weights stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
