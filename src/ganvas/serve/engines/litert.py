"""A version of a generator computed by LiteRT: from `model_float32.tflite`.

The file draws one image at a time, so concurrent requests need no batches: a pool of interpreters
uses all cores.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...base.litert import opened
from ..signatures import DEFAULT, FLOAT32
from .generators import GeneratorServable, Sides

Run = Any
"""A runner of LiteRT, which draws an image: z [1, Z] (label [1]) -> images [1, H, W, C]."""


class Pool:
    """Interpreters of a file, one for each core: an interpreter runs one image at a time. Each is
    made when it is first needed, because it holds the weights once more."""

    def __init__(self, path: Path, size: int):
        self._path, self._content = path, path.read_bytes()
        self._left = size
        self._lock = threading.Lock()
        self._idle: queue.LifoQueue[Run] = queue.LifoQueue()

    @contextlib.contextmanager
    def taken(self) -> Iterator[Run]:
        """Wait for an interpreter, and keep it meanwhile."""
        run = self._next()
        try:
            yield run
        finally:
            self._idle.put(run)

    def _next(self) -> Run:
        with contextlib.suppress(queue.Empty):
            return self._idle.get_nowait()
        with self._lock:
            new = self._left > 0
            self._left -= new
        return self._made() if new else self._idle.get()

    def _made(self) -> Run:
        # Not from the path: the file on disk may be changed while it is served.
        return opened(self._path, content=self._content).get_signature_runner(DEFAULT)


class LiteRTServable(GeneratorServable):
    """A generator, drawn by LiteRT."""

    engine, platform, runtime = "litert", "litert", "LiteRT"
    file, format = FLOAT32, "litert"

    def _open(self, path: Path) -> tuple[Sides, Sides]:
        self._pool = Pool(path, os.cpu_count() or 1)
        with self._pool.taken() as run:
            sides = run.get_input_details(), run.get_output_details()
        given, drawn = ({k: tuple(map(int, v["shape"])) for k, v in s.items()} for s in sides)
        return given, drawn

    def _run(self, made: np.ndarray, z: np.ndarray, label: np.ndarray | None) -> None:
        with self._pool.taken() as run:
            for row in range(len(z)):
                more = {} if label is None else {"label": label[row : row + 1]}
                made[row] = run(z=z[row : row + 1], **more)["images"][0]
