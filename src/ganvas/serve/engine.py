"""Where requests wait and run: a bounded queue before a pool of threads, with deadlines.

TensorFlow lets go of Python's lock while it computes; the event loop stays free for connections.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from .metrics import Metrics
from .models import Models
from .options import Options
from .servable import Servable, Signature
from .status import Declined

T = TypeVar("T")


class Engine:
    """Runs requests.

    Args:
        threads: how many run at once. With a batcher, which keeps a thread waiting for each
            request of a batch, as many as may be in one.
    """

    def __init__(self, models: Models, metrics: Metrics, options: Options, threads: int):
        self.models = models
        self.metrics = metrics
        self.options = options
        self.draining = False
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "ganvas-serve")
        self._lock = threading.Lock()
        self._waiting = 0
        metrics.watch_queue(lambda: self._waiting)

    async def run(self, work: Callable[[], T], seconds: float | None = None) -> T:
        """`work()` on a thread.

        Raises: Declined: UNAVAILABLE: too many wait; DEADLINE_EXCEEDED: it was not done in time.
        """
        seconds = self.options.timeout_seconds if seconds is None else seconds
        with self._lock:
            if self._waiting >= self.options.max_queue:
                words = f"{self._waiting} requests wait already: try again later"
                raise Declined("UNAVAILABLE", words)
            self._waiting += 1
        future = self._pool.submit(work)
        # Counted until the thread is free again, not until its asker has gone.
        future.add_done_callback(self._leave)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError as error:
            raise Declined("DEADLINE_EXCEEDED", f"not done within {seconds:.3g} seconds") from error

    def _leave(self, done: concurrent.futures.Future) -> None:
        with self._lock:
            self._waiting -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def predict(
        self, servable: Servable, signature: Signature, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Run a signature, and count what came out."""
        began = time.perf_counter()
        outputs = signature(arrays)
        name, version = servable.name, str(servable.version)
        self.metrics.runtime(name, version, time.perf_counter() - began)
        self.metrics.images(name, version, outputs)
        return outputs

    def watch(self, api: str, entrypoint: str) -> Watch:
        """Times and counts one request."""
        return Watch(self.metrics, api, entrypoint)


class Watch:
    """A request from its beginning to its end; `found` names whom it was for."""

    def __init__(self, metrics: Metrics, api: str, entrypoint: str):
        self._metrics, self._api, self._entrypoint = metrics, api, entrypoint
        self._began = time.perf_counter()
        # Names that strangers make up would fill the metrics: only served ones are labels.
        self._model, self._version = "", ""

    def found(self, servable: Servable) -> Servable:
        self._model, self._version = servable.name, str(servable.version)
        return servable

    def end(self, status: str = "OK") -> None:
        seconds = time.perf_counter() - self._began
        self._metrics.request(
            self._model, self._version, status, self._api, self._entrypoint, seconds
        )
