"""Are the images that a server draws still like those of the export? A test of sampled requests.

Only images whose noise is as in training are compared: those of `generate` and `generate_from` with
truncation 1. Noise of `predict` is the client's. An image whose seed, number and label were sampled
before is left out, because clients ask for the same seed again; equal images of different seeds are
a collapse, and count. All work is on one thread, behind a short queue that drops.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import prometheus_client as prometheus

from .. import images
from ..errors import DataError, ModelError
from ..stats import energy
from ..stats.drift import RATE
from .engines.base import Servable
from .reference import ALL, CLASS, Reference
from .signatures import GENERATE, GENERATE_FROM

WINDOWS = (50, 400)
"""Images of a window: a short one for heavy damage, a long one for light damage."""
WAITING = 32
"""Requests in the queue; more are dropped."""
PART = 16
"""Images of one request that are compared."""
REMEMBERED = 8192
"""Images of a version of which a second one is left out."""
NICE = 10
"""Of the thread, on Linux: requests have priority."""
_log = logging.getLogger("ganvas.serve")


class Sampled(NamedTuple):
    """Images of a request, PNG files, and the reference that they are compared with.

    Attributes:
        addresses: of the images: seed, number and label, from which they follow.
    """

    model: str
    version: str
    folder: Path
    group: str
    files: list[bytes]
    addresses: list[tuple[int, ...]]


class Drift:
    """Compares the images of a share of all requests with the references of their models.

    Args:
        share: of requests, 0 to 1; 0: nothing is done.
    """

    def __init__(self, share: float, registry: prometheus.CollectorRegistry):
        which = ["model_name", "version"]

        def counter(name: str, about: str, *more: str) -> prometheus.Counter:
            return prometheus.Counter(name, about, [*which, *more], registry=registry)

        self._windows = counter("ganvas_drawn_windows", "Windows of drawn images that were tested.")
        self._alarms = counter(
            "ganvas_drawn_alarms",
            f"Windows that rang; at most {RATE:g} of them if nothing has changed.",
        )
        self._left_out = counter(
            "ganvas_drawn_left_out", "Sampled images that were not compared, by the reason.", "why"
        )
        self._distance = prometheus.Gauge(
            "ganvas_drawn_distance",
            "Energy distance of the last window: from the images as exported, where 0 is equal; "
            "from the real images, as a multiple of the distance at the export.",
            [*which, "reference"], registry=registry,
        )  # fmt: skip
        self._share = share
        self._random = random.Random()
        self._queue: queue.Queue[Sampled | None] = queue.Queue(WAITING)
        self._watched: dict[tuple[str, str], _Watched | None] = {}
        if share:
            threading.Thread(target=self._work, daemon=True, name="ganvas-drift").start()

    def offer(
        self,
        servable: Servable,
        signature: str,
        arrays: Mapping[str, np.ndarray],
        outputs: Mapping[str, np.ndarray],
    ) -> None:
        """Note the images of a request, or not. Returns at once."""
        if self._random.random() >= self._share:
            return
        name, version = servable.name, str(servable.version)
        files = outputs.get("image_bytes")
        if signature not in (GENERATE, GENERATE_FROM) or files is None or files.ndim != 1:
            return self._drop(name, version, "signature", 1)
        given = {alias: value.ravel().tolist() for alias, value in arrays.items()}
        if given.get("truncation") != [1]:
            return self._drop(name, version, "truncation", len(files))
        seed, (first,) = given.get("seed", ()), given.get("first", [0])
        (label,) = given.get("label", [-1])
        group = ALL if label < 0 else f"{CLASS}{label}"
        part = files[:PART].tolist()
        addresses = [(*seed, first + number, label) for number in range(len(part))]
        try:
            self._queue.put_nowait(Sampled(name, version, servable.folder, group, part, addresses))
        except queue.Full:
            self._drop(name, version, "queue", len(part))

    def forget(self, model: str, version: str) -> None:
        """Remove what is known of a version that is no longer served."""
        self._watched.pop((model, version), None)
        for kind in (self._windows, self._alarms, self._left_out, self._distance):
            kind.remove_by_labels({"model_name": model, "version": version})

    def close(self) -> None:
        """End the thread, after the requests that wait."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)

    def _drop(self, model: str, version: str, why: str, count: int) -> None:
        self._left_out.labels(model, version, why).inc(count)

    def _work(self) -> None:
        if sys.platform == "linux":  # where threads have a priority of their own
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while sampled := self._queue.get():
            try:
                self._compare(sampled)
            except Exception as error:  # an odd image must not end the thread
                _log.error("a comparison of drawn images failed: %s: %s",
                           type(error).__name__, error)  # fmt: skip

    def _compare(self, sampled: Sampled) -> None:
        model, version, folder, group, files, addresses = sampled
        watched = self._of(model, version, folder)
        if watched is None or group not in watched.reference.classes:
            return self._drop(model, version, "reference", len(files))
        for content, address in zip(files, addresses, strict=True):
            if not watched.is_new(address):
                self._drop(model, version, "repeated", 1)
                continue
            try:
                vector = watched.reference.features(images.read(content))
            except DataError:
                self._drop(model, version, "no image", 1)
                continue
            for monitor in watched.monitors[group]:
                rang = monitor.add(vector)
                if rang is not None:
                    self._tell(model, version, watched, monitor, rang)

    def _of(self, model: str, version: str, folder: Path) -> _Watched | None:
        """The monitors of a version; its reference is read when its first image comes."""
        key = model, version
        if key in self._watched:
            return self._watched.get(key)
        try:
            found = Reference.read(folder)
            if found is None:
                _log.warning("%s version %s has no reference for --drift: export it again with "
                             "--drift", model, version)  # fmt: skip
        except ModelError as error:
            found = None
            _log.error("%s version %s is not watched for drift: %s", model, version, error)
        watched = self._watched[key] = _Watched(found) if found else None
        return watched

    def _tell(
        self, model: str, version: str, watched: _Watched, monitor: energy.Monitor, rang: bool
    ) -> None:
        self._windows.labels(model, version).inc()
        self._alarms.labels(model, version).inc(rang)
        self._distance.labels(model, version, "export").set(monitor.distance)
        reference = watched.reference
        if reference.real is not None and monitor in watched.monitors[ALL]:
            away = energy.distance(monitor.last, reference.real) / max(reference.distance, 1e-6)
            self._distance.labels(model, version, "real").set(away)
        if rang:
            _log.warning(
                "%s version %s: the last %d sampled images are not like those of the export "
                "(energy distance %.3f, p = %.2g)",
                model, version, monitor.window, monitor.distance, monitor.p_value,
            )  # fmt: skip


class _Watched:
    """Monitors of a version by class, one for each of WINDOWS."""

    def __init__(self, reference: Reference):
        self.reference = reference
        self.monitors = {
            key: [energy.Monitor(found, window=window) for window in WINDOWS]
            for key, found in reference.classes.items()
        }
        self._order: deque[tuple[int, ...]] = deque()
        self._known: set[tuple[int, ...]] = set()

    def is_new(self, address: tuple[int, ...]) -> bool:
        """Whether an image is not among the last ones; it is, from now on."""
        if address in self._known:
            return False
        if len(self._order) == REMEMBERED:
            self._known.discard(self._order.popleft())
        self._order.append(address)
        self._known.add(address)
        return True
