"""The cadence of a run: what happens at the end of a tick."""

from .guard import Guard
from .log import Log
from .progress import Show, clock
from .samples import Logits, Samples, draw_grid, real_grid
from .scores import Scores
from .state import State, restore, state_of, take_weights

__all__ = [
    "Guard", "Log", "Logits", "Samples", "Scores", "Show", "State",
    "clock", "draw_grid", "real_grid", "restore", "state_of", "take_weights",
]  # fmt: skip
