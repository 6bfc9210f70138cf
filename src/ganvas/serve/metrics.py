"""Metrics for Prometheus: TensorFlow Serving's, by version, and counts of bad images."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import prometheus_client as prometheus

from .. import images
from ..errors import DataError
from .inspections import Inspections

_MICROSECONDS = [10 * 1.8**power for power in range(33)]
_SECONDS = [0.001 * 2**power for power in range(16)]
_SERVED = ":tensorflow:serving:request_count"


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self.registry)
        which = ["model_name", "version"]
        self._requests = prometheus.Counter(
            _SERVED, "Requests by outcome.", [*which, "status"], registry=self.registry
        )
        self._latency = prometheus.Histogram(
            ":tensorflow:serving:request_latency", "Microseconds of a request.",
            [*which, "API", "entrypoint"], registry=self.registry, buckets=_MICROSECONDS,
        )  # fmt: skip
        self._runtime = prometheus.Histogram(
            ":tensorflow:serving:runtime_latency", "Microseconds inside the engine.",
            [*which, "API", "runtime"], registry=self.registry, buckets=_MICROSECONDS,
        )  # fmt: skip
        self._seconds = prometheus.Histogram(
            "ganvas_request_seconds", "Seconds of a request that was run, whatever its outcome.",
            [*which, "signature", "protocol"], registry=self.registry, buckets=_SECONDS,
        )  # fmt: skip
        names = ("images", "blank_images", "duplicate_images")
        self._images, self._blank, self._duplicate = (
            prometheus.Counter(f"ganvas_{name}", f"{name} generated.".replace("_", " "), which,
                               registry=self.registry)
            for name in names
        )  # fmt: skip
        self.inspections = Inspections(self.registry)
        self._queue = prometheus.Gauge(
            "ganvas_requests_in_flight", "Requests running or queued.", registry=self.registry
        )

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Read the length of the queue whenever the metrics are read."""
        self._queue.set_function(length)

    def text(self) -> bytes:
        """The exposition. Differs: the counter has TensorFlow Serving's name, without `_total`."""
        text = prometheus.generate_latest(self.registry).decode()
        text = re.sub(r"(?m)^(#.*|ganvas).*_created.*\n|^.*_created\{.*\n", "", text)
        return text.replace(f"{_SERVED}_total", _SERVED).encode()

    def request(
        self, model: str, version: str, status: str, api: str, entrypoint: str, seconds: float
    ) -> None:
        """Count a request, and its duration if it succeeded."""
        self._requests.labels(model, version, status).inc()
        if status == "OK":
            self._latency.labels(model, version, api, entrypoint).observe(seconds * 1e6)

    def duration(
        self, model: str, version: str, signature: str, protocol: str, seconds: float
    ) -> None:
        """Args: signature: one that the model has: invented names would fill the metrics."""
        self._seconds.labels(model, version, signature, protocol).observe(seconds)

    def runtime(self, model: str, version: str, runtime: str, seconds: float) -> None:
        self._runtime.labels(model, version, "Predict", runtime).observe(seconds * 1e6)

    def forget(self, model: str, version: str) -> None:
        """Remove the metrics of a version that is no longer served: those of a thousand versions
        would be megabytes, read every few seconds."""
        kinds = (self._requests, self._latency, self._seconds, self._runtime, self._images,
                 self._blank, self._duplicate)  # fmt: skip
        for kind in kinds:
            kind.remove_by_labels({"model_name": model, "version": version})
        self.inspections.forget(model, version)

    def images(self, model: str, version: str, outputs: Mapping[str, np.ndarray]) -> None:
        """Count generated images, and those that are blank or duplicates within a response.

        They show a collapsed generator, because the noise of a request is all different.
        """
        for alias, array in outputs.items():
            if alias == "images" and array.ndim == 4 and array.size and array.dtype.kind in "fiu":
                flat = array.reshape(len(array), -1)
                blank = int((flat == flat[:, :1]).all(1).sum())
                contents = [row.tobytes() for row in flat]
            elif alias == "image_bytes" and array.ndim == 1 and array.dtype == object:
                contents = array.tolist()
                blank = sum(map(_is_blank, contents))
            else:
                continue
            self._images.labels(model, version).inc(len(contents))
            self._blank.labels(model, version).inc(blank)
            self._duplicate.labels(model, version).inc(len(contents) - len(set(contents)))


def _is_blank(png: bytes) -> bool:
    """Whether the image has a single colour; False if it is not an image."""
    pixels = int.from_bytes(png[16:20]) * int.from_bytes(png[20:24])  # of the header
    label = 12 + int.from_bytes(png[33:37]) if png[37:41] == b"iTXt" else 0
    if (
        len(png) - label > 200 + pixels // 50
    ):  # a single colour takes less: 4 bytes a pixel, 1/1000 of them
        return False
    try:
        image = images.read(png)
    except DataError:
        return False
    return bool((image == image[0, 0]).all())
