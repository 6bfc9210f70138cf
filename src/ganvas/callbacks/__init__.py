"""The cadence of a run: what happens at the end of a tick."""

from .ask import Ask
from .doctor import Doctor
from .guard import Guard
from .log import Log
from .progress import Show, clock
from .samples import Logits, Samples, draw_grid, real_grid
from .scores import Scores
from .signals import Signals
from .state import State, restore, state_of, take_weights

__all__ = [
    "Ask", "Doctor", "Guard", "Log", "Logits", "Samples", "Scores", "Show", "Signals",
    "State",
    "clock", "draw_grid", "real_grid", "restore", "state_of", "take_weights",
]  # fmt: skip
