"""Exported files as functions that draw images, and how long they take. Needs no TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..base.compat.litert import outside

SIGNATURE = "serving_default"
"""The signature of a .tflite file."""
Draw = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""Noise [N, Z], labels [N] or None -> images float32 [N, H, W, C] in [-1, 1]."""


def runner(path: Path, threads: int = 1) -> Draw:
    """A function that runs a file of a version, by its name."""
    return LiteRT(path, threads) if path.suffix == ".tflite" else ONNX(path, threads)


class LiteRT:
    """Runs a .tflite file.

    Attributes:
        delegates: how many delegates run it; each has its own layout of memory.
        outside: the operations that no delegate runs, by name.
    """

    def __init__(self, path: Path, threads: int = 1):
        from ..base.litert import opened

        self._interpreter = opened(path, threads)
        self._run = self._interpreter.get_signature_runner(SIGNATURE)
        self._input = self._run.get_input_details()["z"]
        self._output = self._run.get_output_details()["images"]
        self.delegates, self.outside = outside(self._interpreter)

    def __call__(self, noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Noise [N, Z], labels [N] -> images float32 [N, H, W, C], one after the other."""
        z = self._quantised(noise)
        given = [{"z": z[row : row + 1]} for row in range(len(z))]
        if labels is not None:
            for row, one in enumerate(given):
                one["label"] = np.asarray(labels[row : row + 1], np.int32)
        return self._real(np.concatenate([self._run(**one)["images"] for one in given]))

    def _quantised(self, noise: np.ndarray) -> np.ndarray:
        kind = self._input["dtype"]
        if not np.issubdtype(kind, np.integer):
            return np.asarray(noise, kind)
        scale, zero = self._input["quantization"]
        ends = np.iinfo(kind)
        return np.clip(np.rint(noise / scale) + zero, ends.min, ends.max).astype(kind)

    def _real(self, images: np.ndarray) -> np.ndarray:
        if not np.issubdtype(images.dtype, np.integer):
            return np.asarray(images, np.float32)
        scale, zero = self._output["quantization"]
        return (images.astype(np.float32) - zero) * np.float32(scale)


class ONNX:
    """Runs an .onnx file, which holds all of its weights."""

    def __init__(self, path: Path, threads: int = 1):
        from ..base import onnx

        self._session = onnx.opened(path, threads)

    def __call__(self, noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Noise [N, Z], labels [N] -> images float32 [N, H, W, C]."""
        given = {"z": np.asarray(noise, np.float32)}
        if labels is not None:
            given["label"] = np.asarray(labels, np.int32)
        return self._session.run(None, given)[0]


def clock(call: Callable[[], Any], seconds: float = 0.5, most: int = 200) -> np.ndarray:
    """Milliseconds of single calls, after three that are not counted."""
    for _ in range(3):
        call()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 5 or (len(times) < most and time.perf_counter() - began < seconds):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return np.array(times)
