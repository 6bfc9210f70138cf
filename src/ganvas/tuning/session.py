"""The settings of a search that all workers share."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Config
from .space import digest, space_of

if TYPE_CHECKING:
    from .study import Study


@dataclass(frozen=True)
class Search:
    """One search; it is pickled for its workers."""

    data: Any
    recipe: Config
    """As given by the user."""
    config: Config
    """The same with more frequent scores."""
    place: str
    folder: Path
    about: dict[str, Any]
    against: str
    """Name of the images that trials are scored against: held-out or training images."""
    trials: int
    deadline: float
    seed: int
    progress: bool

    def run_of(self, values: Mapping[str, Any]) -> Path:
        """The folder of the run with these values."""
        return self.folder / "trials" / digest(values)

    def over(self) -> bool:
        """Whether this worker must stop: at the deadline, or if the process that started it was
        killed, as another search may have taken over."""
        parent = multiprocessing.parent_process()
        return time.time() > self.deadline or (parent is not None and not parent.is_alive())

    def study(self) -> Study:
        from .study import Study

        return Study(self.place, self.folder, space_of(self.config), self.about, self.seed)
