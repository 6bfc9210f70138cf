"""Callbacks of a run: work at the end of a tick."""

from .checkpoint import Checkpoint, Complete, restore, state_of, take_weights
from .early_stop import EarlyStop
from .log import Log
from .nan_guard import NaNGuard
from .progress_bar import ProgressBar
from .samples import Logits, Samples, draw_grid, real_grid
from .scores import Scores
from .signals import Signals
from .watch import Watch

__all__ = [
    "Checkpoint",
    "Complete",
    "EarlyStop",
    "Log",
    "Logits",
    "NaNGuard",
    "ProgressBar",
    "Samples",
    "Scores",
    "Signals",
    "Watch",
    "draw_grid",
    "real_grid",
    "restore",
    "state_of",
    "take_weights",
]  # fmt: skip
