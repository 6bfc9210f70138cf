"""Metrics of served detectors: images, verdicts, and whether new images are like the calibration.

A server is where every new image passes, so it tests each window of p-values (`stats.drift`). The
state is in memory: after a restart, a window begins anew.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import prometheus_client as prometheus

from ..base.files import read_object
from ..stats.drift import RATE, Monitor
from ..storage import manifest

_log = logging.getLogger("ganvas")
KIND = "defects"
MOST = 10_000
"""Calibration images of a manifest that is believed: the law of a window takes memory for each."""


class Inspections:
    """Counters of all detectors of a server."""

    def __init__(self, registry: prometheus.CollectorRegistry) -> None:
        which = ["model_name", "version"]

        def counter(name: str, about: str) -> prometheus.Counter:
            return prometheus.Counter(f"ganvas_{name}", about, which, registry=registry)

        self._images = counter("inspected_images", "Images with a p-value.")
        self._defective = counter("defective_images", "Images called defective.")
        self._windows = counter("drift_windows", "Windows of p-values that were tested.")
        self._alarms = counter(
            "drift_alarms", f"Windows that rang; at most {RATE:g} of them if nothing has changed."
        )
        self._mean = prometheus.Gauge(
            "ganvas_p_value_mean", "Mean p-value of the last window; about 0.5 without drift.",
            which, registry=registry,
        )  # fmt: skip
        self._monitors: dict[tuple[str, str], Monitor] = {}
        self._lock = threading.Lock()

    def add(
        self, model: str, version: str, monitor: Monitor | None, outputs: Mapping[str, np.ndarray]
    ) -> None:
        """Count the images of a response and test full windows.

        Args: monitor: for a version that is seen for the first time; None: not a detector.
        """
        p_values, defective = outputs.get("p_value"), outputs.get("defective")
        if monitor is None or p_values is None or defective is None or not _fits(p_values):
            return
        with self._lock:
            monitor = self._monitors.setdefault((model, version), monitor)
            before = monitor.windows
            rang = monitor.add(p_values)
            tested, mean = monitor.windows - before, monitor.mean
        self._images.labels(model, version).inc(len(p_values))
        self._defective.labels(model, version).inc(int(np.count_nonzero(defective)))
        self._windows.labels(model, version).inc(tested)
        self._alarms.labels(model, version).inc(rang)
        if tested:
            self._mean.labels(model, version).set(mean)
        if rang:
            _log.warning(
                "%s version %s: the last %d images are not like the calibration images (mean "
                "p-value %.2f): check lamp and lens, and calibrate again",
                model, version, monitor.window, mean,
            )  # fmt: skip

    def forget(self, model: str, version: str) -> None:
        """Remove what is known of a version that is no longer served."""
        with self._lock:
            self._monitors.pop((model, version), None)
        for kind in (self._images, self._defective, self._windows, self._alarms, self._mean):
            kind.remove_by_labels({"model_name": model, "version": version})


def monitor_of(folder: Path) -> Monitor | None:
    """A test for the p-values of a version; None: no detector, or one whose p-values have no law
    (cross-conformal calibration). Its manifest may be somebody else's."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        facts = read_object(folder / manifest.NAME)
        if facts.get("kind") != KIND:
            return None
        promise = facts.get("promise") or {"method": "split", "groups": {}}
        counts = list(promise["groups"].values()) or [facts["parts"]["calibrate"]]
        known = all(type(count) is int and 0 < count <= MOST for count in counts)
        if known and promise["method"] in ("split", "groups"):
            return Monitor(min(counts), both=promise["method"] == "split")
    return None


def _fits(p_values: np.ndarray) -> bool:
    return (
        p_values.ndim == 1 and p_values.dtype.kind == "f"
        and bool(((p_values >= 0) & (p_values <= 1)).all())
    )  # fmt: skip
