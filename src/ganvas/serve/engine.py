"""Runs requests: a bounded queue, deadlines, metrics."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np

from .drifting import Drift
from .engines.base import Servable
from .metrics import Metrics
from .models import Models
from .options import ServeOptions
from .scheduler import Scheduler, Steps
from .signatures import DEFAULT
from .status import Declined

T = TypeVar("T")
MOST_BYTES = 2**28
"""Limit for the bytes of all bodies together: 256 MB, or four bodies of the maximum size."""


class Engine:
    """Runs requests.

    Args:
        threads: pieces of requests that run at once. With a batcher, a thread waits for each
            request of a batch.
        large: of these, pieces of large requests.
    """

    def __init__(
        self, models: Models, metrics: Metrics, options: ServeOptions, threads: int, large: int
    ):
        self.models = models
        self.metrics = metrics
        self.options = options
        self.starting = True
        """True until all models are loaded; requests are refused."""
        self.draining = False
        pixels = int(options.max_megapixels * 1e6)
        self.scheduler = Scheduler(threads, large, options.max_queue, pixels)
        self._lock = threading.Lock()
        self._bytes = 0
        self.drift = Drift(options.drift, metrics.registry)
        metrics.watch_queue(lambda: len(self.scheduler))
        models.gone = self._forget

    @contextlib.contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Count the bytes of a body while it is in memory, and limit those of all bodies.

        Yields: a function to add bytes; it raises Declined: UNAVAILABLE, at the limit.
        """
        most, held = max(MOST_BYTES, 4 * self.options.max_body), 0

        def take(count: int) -> None:
            nonlocal held
            with self._lock:
                if self._bytes + count > most:
                    message = f"requests of {most >> 20} MB are being received: try again later"
                    raise Declined("UNAVAILABLE", message)
                self._bytes += count
            held += count

        try:
            yield take
        finally:
            with self._lock:
                self._bytes -= held

    async def run(self, steps: Steps[T], seconds: float | None = None) -> T:
        """Run a request.

        Raises: Declined: UNAVAILABLE: the queue is full; DEADLINE_EXCEEDED: it took too long.
        """
        if self.starting:
            raise Declined("UNAVAILABLE", "the models are being loaded: try again later")
        seconds = self.options.timeout_seconds if seconds is None else seconds
        future = self.scheduler.submit(steps, seconds)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError as error:
            raise Declined("DEADLINE_EXCEEDED", f"not done within {seconds:.3g} seconds") from error

    def predict(
        self, watch: Watch, servable: Servable, signature: str, arrays: Mapping[str, np.ndarray]
    ) -> Steps[dict[str, np.ndarray]]:
        """Run a signature of a model, and count its images."""
        watch.signature = signature or DEFAULT
        name, version = servable.name, str(servable.version)
        steps, seconds = servable.steps(signature, arrays), 0.0
        while True:
            began = time.perf_counter()
            try:
                remaining = next(steps)
            except StopIteration as end:
                outputs: dict[str, np.ndarray] = end.value
                break
            finally:
                seconds += time.perf_counter() - began
            yield remaining
        self.metrics.runtime(name, version, servable.runtime, seconds)
        self.metrics.images(name, version, outputs)
        self.metrics.inspections.add(name, version, servable.monitor, outputs)
        self.drift.offer(servable, watch.signature, arrays, outputs)
        return outputs

    def _forget(self, model: str, version: str) -> None:
        self.metrics.forget(model, version)
        self.drift.forget(model, version)

    def watch(self, api: str, entrypoint: str, protocol: str) -> Watch:
        """Measure and count one request.

        Args:
            api, entrypoint: as in TensorFlow Serving's metrics.
            protocol: "REST" or "gRPC"; "REST v2" or "gRPC v2" of the Open Inference Protocol.
        """
        return Watch(self.metrics, api, entrypoint, protocol)


class Watch:
    """Measures one request from beginning to end; `found` sets its model.

    Attributes:
        signature: that is run; "": none yet.
    """

    def __init__(self, metrics: Metrics, api: str, entrypoint: str, protocol: str):
        self._metrics, self._api, self._entrypoint = metrics, api, entrypoint
        self._protocol, self.signature = protocol, ""
        self._began = time.perf_counter()
        # Only names of served models become labels: invented names would fill the metrics.
        self._model, self._version = "", ""

    def found(self, servable: Servable) -> Servable:
        self._model, self._version = servable.name, str(servable.version)
        return servable

    def end(self, status: str = "OK") -> None:
        seconds = time.perf_counter() - self._began
        self._metrics.request(
            self._model, self._version, status, self._api, self._entrypoint, seconds
        )
        if self.signature:
            self._metrics.duration(
                self._model, self._version, self.signature, self._protocol, seconds
            )
