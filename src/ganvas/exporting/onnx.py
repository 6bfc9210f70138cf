"""ONNX files of a generator; needs the extra `onnx`."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np

from .saved_model import predictor

FILE = "model.onnx"
OPSET = 15


def convert(generator: keras.Model, path: Path) -> None:
    """Write the file, for any number of images; inputs and output as in `serving_default`."""
    import tf2onnx

    predict = predictor(generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converter's internals
        tf2onnx.convert.from_function(
            predict, input_signature=predict.input_signature, opset=OPSET, output_path=str(path)
        )


class ONNX:
    """Runs an .onnx file."""

    def __init__(self, path: Path, threads: int = 1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Noise [N, Z], labels [N] -> images float32 [N, H, W, C]."""
        given = {"z": np.asarray(noise, np.float32)}
        if labels is not None:
            given["label"] = np.asarray(labels, np.int32)
        return self._session.run(None, given)[0]
