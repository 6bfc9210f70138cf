"""What every logger can receive."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...config import Config
from ...storage.run import Run

PROJECT = "ganvas"
"""Name of the project, or experiment, where the tracker's own variable names no other."""


class Logger(ABC):
    """One place that receives what a run logs. Its functions may raise any error: the training goes
    on without it, see `Loggers`.

    Args:
        run: the run folder.
        config: the recipe.
        unit: integer steps of a kimg, for stores whose steps are integers.
    """

    def __init__(self, run: Run, config: Config, unit: int) -> None:
        self.run, self.config, self.unit = run, shared(config), unit

    @abstractmethod
    def start(self, identifier: str) -> str:
        """Begin, or go on.

        Args:
            identifier: of the same run in an earlier session; "": there was none.

        Returns: the identifier, by which a later session goes on.
        """

    @property
    def place(self) -> str:
        """Where a person finds the run; "": nothing needs to be said."""
        return ""

    @abstractmethod
    def values(self, step: int, kimg: float, values: Mapping[str, float]) -> None:
        """The numbers of a tick, by their tag."""

    def grid(self, step: int, kimg: float, image: np.ndarray) -> None:  # noqa: B027
        """A grid of generated images, uint8 [H, W, C]."""

    def histogram(self, step: int, kimg: float, tag: str, values: Any) -> None:  # noqa: B027
        """Many numbers, [N]."""

    def finding(self, step: int, kimg: float, text: str) -> None:  # noqa: B027
        """The health report, when the doctor finds something new."""

    @abstractmethod
    def finish(self, status: str) -> None:
        """End the session; `status` is that of run.json."""

    def axis(self, kimg: float) -> int:
        """The integer step of a store; different for ticks of at least one unit."""
        return math.floor(kimg * self.unit + 0.5)

    @property
    def parameters(self) -> dict[str, Any]:
        """The recipe as dotted keys with numbers, texts and booleans."""
        return flat(self.config.model_dump(mode="json", exclude_none=True))


def shared(config: Config) -> Config:
    """The recipe without its secret, because what is logged is shared more easily than a run."""
    return config.model_copy(update={"privacy": config.privacy.model_copy(update={"key": None})})


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted keys; lists as text, except that parts go by their name."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif isinstance(value, list):
            found[name] = ", ".join(_words(one) for one in value)
        else:
            found[name] = value
    return found


def _words(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return " ".join(str(v) if k == "name" else f"{k}={v}" for k, v in value.items())
