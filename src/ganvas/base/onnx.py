"""ONNX files, opened and run by ONNX Runtime, without TensorFlow; needs the extra `onnx`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from ..errors import ModelError


def opened(
    path: Path, threads: int = 1, content: bytes | None = None
) -> onnxruntime.InferenceSession:
    """The file, ready to run. Several threads may run it at once.

    Args:
        content: of the file, if it has been read already.

    Raises: ModelError: no ONNX file, one whose weights are in other files, or operations that ONNX
        Runtime does not have.
    """
    content = path.read_bytes() if content is None else content
    check(path, content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes are not public
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} cannot be run by ONNX Runtime ({why}): export the model again"
        ) from error


def check(path: Path, content: bytes) -> None:
    """Raises: ModelError: no ONNX file, or one whose weights are in other files."""
    try:
        model = onnx.load_model_from_string(content)
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
