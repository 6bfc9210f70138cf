"""What every worker of a search has to know."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Config
from .space import digest, space_of
from .study import Study


@dataclass(frozen=True)
class Search:
    """One search; it is sent to its workers."""

    data: Any
    recipe: Config
    """As it was given."""
    config: Config
    """The same, scored often enough."""
    place: str
    folder: Path
    about: dict[str, Any]
    against: str
    """Which images trials are scored against: held out, or learnt from."""
    trials: int
    deadline: float
    seed: int
    aloud: bool

    def run_of(self, values: Mapping[str, Any]) -> Path:
        """The folder of the run with these values."""
        return self.folder / "trials" / digest(values)

    def over(self) -> bool:
        """Whether this worker is to stop: the time is up, or the search that started it was killed
        and another may have taken over."""
        parent = multiprocessing.parent_process()
        return time.time() > self.deadline or (parent is not None and not parent.is_alive())

    def study(self) -> Study:
        return Study(self.place, self.folder, space_of(self.config), self.about, self.seed)
