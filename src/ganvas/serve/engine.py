"""Where requests wait and run: a bounded queue before a pool of threads, with deadlines.

TensorFlow lets go of Python's lock while it computes; the event loop stays free for connections.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from .metrics import Metrics
from .models import Models
from .options import ServeOptions
from .servable import Servable, Signature
from .status import Declined

T = TypeVar("T")
MOST_BYTES = 2**28
"""Of all bodies that are on their way or wait: 256 MB, or four of the largest that is accepted."""


class Engine:
    """Runs requests.

    Args:
        threads: how many run at once. With a batcher, which keeps a thread waiting for each
            request of a batch, as many as may be in one.
    """

    def __init__(self, models: Models, metrics: Metrics, options: ServeOptions, threads: int):
        self.models = models
        self.metrics = metrics
        self.options = options
        self.starting = True
        """Until every model was loaded: nobody can know yet what is served."""
        self.draining = False
        self._pool = concurrent.futures.ThreadPoolExecutor(threads, "ganvas-serve")
        self._lock = threading.Lock()
        self._waiting = 0
        self._bytes = 0
        metrics.watch_queue(lambda: self._waiting)
        models.gone = metrics.forget

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Counts the bytes of a body as long as it is held; all bodies together have a bound.

        Yields: a function that takes so many bytes more. It raises Declined: UNAVAILABLE.
        """
        most, held = max(MOST_BYTES, 4 * self.options.max_body), 0

        def take(count: int) -> None:
            nonlocal held
            with self._lock:
                if self._bytes + count > most:
                    words = f"requests of {most >> 20} MB are on their way already"
                    raise Declined("UNAVAILABLE", f"{words}: try again later")
                self._bytes += count
            held += count

        try:
            yield take
        finally:
            with self._lock:
                self._bytes -= held

    async def run(self, work: Callable[[], T], seconds: float | None = None) -> T:
        """`work()` on a thread.

        Raises: Declined: UNAVAILABLE: too many wait; DEADLINE_EXCEEDED: it was not done in time.
        """
        if self.starting:
            raise Declined("UNAVAILABLE", "the models are being loaded: try again later")
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

    def close(self, seconds: float) -> bool:
        """Let go of the threads. Returns: whether all were done within so many seconds."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        end = time.monotonic() + seconds
        while self._waiting and time.monotonic() < end:
            time.sleep(0.02)
        return not self._waiting

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
