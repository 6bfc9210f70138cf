"""ONNX files of a generator; needs the extra `onnx`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import ModelError
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


def check(path: Path) -> None:
    """Raises: ModelError: no ONNX file, or one whose weights are in other files."""
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # of protobuf, whose classes differ by version
        raise ModelError(f"{path} is no ONNX file: export the model again") from error
    graphs: list[Any] = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        tensors = [*getattr(graph, "initializer", ())]
        for sparse in getattr(graph, "sparse_initializer", ()):
            tensors += [sparse.values, sparse.indices]
        for attribute in (one for node in graph.node for one in node.attribute):
            graphs += [attribute.g, *attribute.graphs]
            tensors += [attribute.t, *attribute.tensors]
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                tensors += [sparse.values, sparse.indices]
        if any(one.data_location == one.EXTERNAL or one.external_data for one in tensors):
            raise ModelError(f"{path} has weights in other files: they must be in the file itself")


class ONNX:
    """Runs an .onnx file, which holds all of its weights."""

    def __init__(self, path: Path, threads: int = 1):
        import onnxruntime

        check(path)
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
