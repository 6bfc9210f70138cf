"""The clock of quality_board.py: a contender trains to marks in CPU seconds and draws images there.

Needs NumPy alone, because contenders in other frameworks use it too.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

MEASURED = 0.04
"""Share of the last mark that the measurement of speed takes."""


class Game(Protocol):
    """A contender in training.

    Attributes: images (how many real images a chunk shows to the discriminator), weights (numbers
    of the generator and of the discriminator).
    """

    images: int
    weights: tuple[int, int]

    def chunk(self) -> None:
        """Train some steps."""

    def draw(self, count: int, seed: int) -> np.ndarray:
        """uint8 [count, H, W, C]."""


@dataclass(frozen=True)
class Piece:
    """One run: what is trained on which images, to which marks.

    Attributes:
        contender: what the process that plays it needs to know.
        data: an .npz with `x`, uint8 [N, H, W, C], and perhaps `y`, int [N].
        folder: the same images as a user's folder, or "".
        out: folder for MARK.npz and row.json.
        marks: CPU seconds, ascending.
        count: images that are drawn at each mark.
        core: the only core it runs on.
    """

    contender: dict
    data: str
    folder: str
    out: str
    seed: int
    marks: list[float]
    count: int
    core: int

    @classmethod
    def read(cls, path: str) -> Piece:
        return cls(**json.loads(Path(path).read_text()))

    def arrays(self) -> tuple[np.ndarray, np.ndarray | None]:
        with np.load(self.data, allow_pickle=False) as arrays:
            return arrays["x"], arrays.get("y")


def pin(core: int) -> None:
    """Run on one core, with one thread, and end when the board is killed. Before TensorFlow or
    PyTorch are imported. Linux only."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    os.sched_setaffinity(0, {core})
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                 "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):  # fmt: skip
        os.environ[name] = "1"


def chunks_within(seconds: float, per_chunk: float) -> int:
    """How many chunks end at, or first after, so many seconds; at least one."""
    return max(1, int(np.ceil(round(seconds / per_chunk, 6))))


def pace(game: Game, seconds: float) -> float:
    """CPU seconds of a chunk. The first is left out, because it compiles."""
    game.chunk()
    began, done = time.process_time(), 0
    while done < 2 or time.process_time() - began < seconds:
        game.chunk()
        done += 1
    return (time.process_time() - began) / done


def play(piece: Piece, make: Callable[[int | None], Game], scheduled: bool = True) -> None:
    """Train a piece, and write its images and row.json.

    The speed is measured with a game that is thrown away, so that the schedule of the second one
    ends at the last mark. The second one's first chunk compiles: its steps count, its time does
    not. Nor does drawing.

    Args:
        make: builds the game; given the number of chunks of its schedule, or None.
        scheduled: whether anything in the game depends on the length of the run.
    """
    random.seed(piece.seed)
    began = time.process_time()
    per_chunk = chunks = None
    if scheduled:
        per_chunk = pace(make(None), MEASURED * piece.marks[-1])
        chunks = 1 + chunks_within(piece.marks[-1], per_chunk)
    game = make(chunks)
    game.chunk()
    start_up = time.process_time() - began
    spent, done, rows = 0.0, 1, []
    for mark in piece.marks:
        while spent < mark:
            began = time.process_time()
            game.chunk()
            spent += time.process_time() - began
            done += 1
        images = game.draw(piece.count, piece.seed + 1)
        np.savez_compressed(Path(piece.out) / f"{mark:g}.npz", x=images)
        rows.append({"mark": mark, "seconds": round(spent, 2), "chunks": done,
                     "kimg": round(done * game.images / 1000, 3)})  # fmt: skip
        print(Path(piece.out).name, rows[-1], flush=True)
    row = {
        "start_up": round(start_up, 1), "planned_chunks": chunks, "images_per_chunk": game.images,
        "ms_per_image": round(1000 * spent / max(1, done - 1) / game.images, 3),
        "weights": game.weights, "marks": rows,
    }  # fmt: skip
    Path(piece.out, "row.json").write_text(json.dumps(row))
