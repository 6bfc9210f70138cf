"""A version of a generator computed by ONNX Runtime: from `model.onnx`; needs the extra `onnx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...base.onnx import opened
from ...storage.manifest import ONNX
from .generators import GeneratorServable, Sides


class ONNXServable(GeneratorServable):
    """A generator, drawn by ONNX Runtime. Concurrent requests share a session, each with a thread
    of its own: the weights are in memory once."""

    engine, platform, runtime = "onnx", "onnx_onnxv1", "ONNX Runtime"
    file, format = ONNX, "onnx"

    def _open(self, path: Path) -> tuple[Sides, Sides]:
        self._session = opened(path)
        given, drawn = (
            {one.name: tuple(s if isinstance(s, int) else -1 for s in one.shape) for one in ends}
            for ends in (self._session.get_inputs(), self._session.get_outputs())
        )
        return given, drawn

    def _run(self, made: np.ndarray, z: np.ndarray, label: np.ndarray | None) -> None:
        for row in range(len(z)):
            more = {} if label is None else {"label": label[row : row + 1]}
            made[row] = self._session.run(None, {"z": z[row : row + 1], **more})[0][0]
