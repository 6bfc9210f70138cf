"""One version of a model in memory: checked, loaded, warmed up; signatures by name.

The folder is read as TensorFlow Serving reads it.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from ..base import saved_models
from ..errors import ModelError
from ..storage import manifest
from . import protos
from .config import Batching
from .status import NAMES, Declined, invalid

DEFAULT = "serving_default"
WARMUP = "assets.extra/tf_serving_warmup_requests"
MAX_WARMUPS = 1000
MAX_ROWS = 4096
MAX_VALUES = 2**26
"""Limits: rows of a request, and values of a response (64 million floats are 256 MB)."""
_serial = itertools.count()


class Servable:
    """A loaded SavedModel.

    Args:
        folder: with saved_model.pb, variables/ and perhaps manifest.json and assets.extra/.

    Raises: Declined: not a SavedModel, changed files, or a failed warm-up.
    """

    def __init__(self, name: str, version: int, folder: Path, batching: Batching | None = None):
        self.name = name
        self.version = version
        verify(folder)
        self.definitions = _definitions(folder)
        check_operations(folder)
        with tf_errors():
            # Kept, because its functions need it.
            self._model = tf.saved_model.load(str(folder), tags=["serve"])
        self._signatures = {
            key: Signature(definition, self._model.signatures[key], batching)
            for key, definition in self.definitions.items()
            if key in self._model.signatures
        }
        self._warm_up(folder / WARMUP)

    def find(self, name: str) -> Signature | None:
        """A signature by name; "" is serving_default."""
        return self._signatures.get(name or DEFAULT)

    def _warm_up(self, path: Path) -> None:
        """Run the warm-up requests in the model's folder; all must succeed."""
        if not path.is_file():
            return
        with tf_errors():
            records = list(tf.data.TFRecordDataset(str(path)).take(MAX_WARMUPS + 1))
        if len(records) > MAX_WARMUPS:
            raise invalid(f"Number of warmup records exceeds the maximum ({MAX_WARMUPS})")
        for record in records:
            try:
                log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
            except DecodeError as error:
                raise Declined(
                    "DATA_LOSS", f"{path.name} is not a PredictionLog: {error}"
                ) from error
            if log.WhichOneof("log_type") != "predict_log":
                raise Declined("UNIMPLEMENTED", "only predict_log can warm up a generator")
            request = log.predict_log.request
            signature = self.find(request.model_spec.signature_name)
            if signature is None:
                wanted = request.model_spec.signature_name or DEFAULT
                raise Declined(
                    "FAILED_PRECONDITION", f'Serving signature key "{wanted}" not found.'
                )
            signature(protos.read_all(request.inputs, signature.inputs))


class Signature:
    """A named function of a SavedModel: arrays by alias -> arrays by alias.

    Attributes:
        inputs, outputs: TensorInfo by alias.
        method: as written in the model, "tensorflow/serving/predict".
    """

    def __init__(self, definition: Any, function: Callable[..., Any], batching: Batching | None):
        self.inputs = dict(sorted(definition.inputs.items()))
        self.outputs = dict(sorted(definition.outputs.items()))
        self.method = definition.method_name
        infos = [*self.inputs.values(), *self.outputs.values()]
        self._function = function
        if batching is not None and all(map(_has_rows, infos)):
            self._function = _batched(self, function, batching)
        self._rows = [alias for alias, info in self.inputs.items() if _has_rows(info)]
        values = [math.prod(_sides(info)[1:]) for info in self.outputs.values() if _has_rows(info)]
        self._max_rows = min([MAX_ROWS, *(MAX_VALUES // max(1, one) for one in values)])

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the function.

        Raises: Declined: wrong shapes or values, or an error of TensorFlow.
        """
        self._check(arrays)
        with tf_errors():
            outputs = self._function(**{k: tf.constant(v) for k, v in arrays.items()})
            return {alias: outputs[alias].numpy() for alias in self.outputs}

    def _check(self, arrays: Mapping[str, np.ndarray]) -> None:
        for alias, array in arrays.items():
            shape = self.inputs[alias].tensor_shape
            sides = [dim.size for dim in shape.dim]
            fits = len(sides) == array.ndim and all(
                want in (-1, got) for want, got in zip(sides, array.shape, strict=True)
            )
            if not (fits or shape.unknown_rank):
                raise invalid(f"input {alias} must have shape {sides}, got {list(array.shape)}")
        rows = max([len(arrays[alias]) for alias in self._rows], default=0)
        requested = arrays.get("num_images")
        if requested is not None and requested.dtype.kind == "i":
            rows = max(rows, int(requested.max(initial=0)))
        if rows > self._max_rows:
            raise invalid(
                f"a request may have at most {self._max_rows} images with this model, got {rows}: "
                "send several requests"
            )


def _sides(info: Any) -> list[int]:
    return [max(1, dim.size) for dim in info.tensor_shape.dim]


def _has_rows(info: Any) -> bool:
    """Whether the first axis is a free number of rows, and no other axis is free."""
    sides = [dim.size for dim in info.tensor_shape.dim]
    return not info.tensor_shape.unknown_rank and sides[:1] == [-1] and -1 not in sides[1:]


def _batched(
    signature: Signature, function: Callable[..., Any], batching: Batching
) -> Callable[..., Any]:
    """The same function; TensorFlow's C++ batcher combines its concurrent calls.

    Differs: `tf.nondifferentiable_batch_function` gives each function its own threads, which
    remain when a version is unloaded, and all functions of a name one queue, so that callers get
    results of another model. Here all share threads, as in TensorFlow Serving, but no queue.
    """
    aliases = list(signature.inputs)
    specs = [
        tf.TensorSpec([None, *_sides(info)[1:]], info.dtype, alias)
        for alias, info in signature.inputs.items()
    ]

    def together(*tensors: tf.Tensor) -> list[tf.Tensor]:
        outputs = function(**dict(zip(aliases, tensors, strict=True)))
        return [outputs[alias] for alias in signature.outputs]

    traced = tf.function(together, input_signature=specs, autograph=False)
    body = traced.get_concrete_function()
    queue = f"queue_{next(_serial)}"

    def call(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = tf.raw_ops.BatchFunction(
            in_tensors=tensors, captured_tensors=body.captured_inputs, f=body,
            num_batch_threads=batching.threads, max_batch_size=batching.size,
            batch_timeout_micros=batching.wait, max_enqueued_batches=batching.queue,
            allowed_batch_sizes=list(batching.allowed), shared_name=repr(batching),
            enable_large_batch_splitting=batching.split, batching_queue=queue,
            Tout=[output.dtype for output in body.outputs],
        )  # fmt: skip
        return dict(zip(signature.outputs, outputs, strict=True))

    concrete = tf.function(call, input_signature=specs, autograph=False).get_concrete_function()
    return lambda **tensors: concrete(*(tensors[alias] for alias in aliases))


def verify(folder: Path) -> None:
    """Check the files of a model against its manifest, if there is one.

    Raises: Declined: DATA_LOSS: a file is missing, changed, or not in the manifest.
    """
    if not (folder / manifest.NAME).is_file():
        return
    try:
        manifest.verify(folder)
    except ModelError as error:
        raise Declined("DATA_LOSS", str(error)) from error


def check_operations(folder: Path) -> None:
    """Raises: Declined: DATA_LOSS: the graph may do more than compute."""
    try:
        saved_models.check(folder)
    except ModelError as error:
        raise Declined("DATA_LOSS", str(error)) from error


def _definitions(folder: Path) -> dict[str, Any]:
    """SignatureDefs by name, from the file: the metadata of TensorFlow Serving."""
    path = folder / "saved_model.pb"
    try:
        model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except OSError as error:
        raise Declined("NOT_FOUND", f"{path} does not exist: export a model") from error
    except DecodeError as error:
        raise Declined("DATA_LOSS", f"{path} is not a SavedModel: export it again") from error
    for graph in model.meta_graphs:
        if set(graph.meta_info_def.tags) == {"serve"}:
            return dict(graph.signature_def)
    raise Declined("NOT_FOUND", f"{path} has no graph with the tag 'serve': export it again")


@contextlib.contextmanager
def tf_errors() -> Iterator[None]:
    """Errors of TensorFlow as Declined: code and message, without stack traces."""
    try:
        yield
    except tf.errors.OpError as error:
        lines = str(error.message).split("\n\t [[")[0].strip().splitlines() or ["no message"]
        message = lines[-1] if lines[0] == "Graph execution error:" else lines[0]
        raise Declined(NAMES.get(error.error_code, "UNKNOWN"), message) from error
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise invalid((str(error) or type(error).__name__).splitlines()[0]) from error
