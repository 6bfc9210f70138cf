"""A version of a model computed by TensorFlow: checked, loaded, warmed up; signatures by name.

The folder is read as TensorFlow Serving reads it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from ...base import saved_models
from ...errors import ModelError
from .. import protos
from ..background import within
from ..config import Batching
from ..messages import PredictionLog
from ..scheduler import Remaining, Steps
from ..signatures import CHUNK, DEFAULT, FURTHEST, GENERATE, GENERATE_FROM, MOST
from ..status import NAMES, Declined, invalid
from .base import WARM_UP_SECONDS, Servable, Signature, definitions_of, verify
from .batching import batched, has_rows

WARMUP = "assets.extra/tf_serving_warmup_requests"
MAX_WARMUPS = 1000


class TensorFlowServable(Servable):
    """A loaded SavedModel.

    Args:
        folder: with saved_model.pb, variables/ and perhaps manifest.json and assets.extra/.
        max_images: of a request to a signature that cannot draw in parts.
        trusted: whether its operations may do more than compute, such as read files.

    Raises: Declined: not a SavedModel, changed files, or a failed warm-up.
    """

    engine, platform, runtime = "tensorflow", "tensorflow_savedmodel", "TF2"

    def __init__(
        self,
        name: str,
        version: int,
        folder: Path,
        batching: Batching | None = None,
        max_images: int = 64,
        trusted: bool = False,
    ):
        self._max_images = max_images
        verify(folder)
        super().__init__(name, version, folder, definitions_of(folder))
        if not trusted:
            check_operations(folder)
        with tf_errors():
            # Kept, because its functions need it.
            self._model = tf.saved_model.load(str(folder), tags=["serve"])
        self._signatures = {
            key: Function(definition, self._model.signatures[key], batching)
            for key, definition in self.definitions.items()
            if key in self._model.signatures
        }
        self._parts = self._part_maker()
        within(WARM_UP_SECONDS, partial(self._warm_up, folder / WARMUP))
        within(WARM_UP_SECONDS, self._warm_up_drawing)

    def find(self, name: str) -> Function | None:
        return self._signatures.get(name or DEFAULT)

    def steps(self, name: str, arrays: Mapping[str, np.ndarray]) -> Steps[dict[str, np.ndarray]]:
        """Run a signature; many images of `generate` are drawn in parts, with the same bytes."""
        signature = self._signatures[name or DEFAULT]
        signature.check(arrays)
        images = signature.images(arrays)
        if self._parts and name in (GENERATE, GENERATE_FROM) and CHUNK < images <= MOST:
            first = int(arrays.get("first", np.int32(0)))
            if 0 <= first <= FURTHEST:
                return (yield from self._drawn(self._parts, arrays, first, first + images))
        if signature.draws and images > self._max_images and not self._parts:
            raise invalid(
                f"{self.name} version {self.version} cannot draw in parts: at most "
                f"{self._max_images} images a request, got {images}: send several requests, export "
                "the model again, or increase --max-images"
            )
        pixels = self.pixels if signature.draws else signature.pixels
        yield Remaining(images * pixels, images > CHUNK and not signature.batched)
        return signature(arrays)

    def _drawn(
        self, draw: Function, arrays: Mapping[str, np.ndarray], first: int, last: int
    ) -> Steps[dict[str, np.ndarray]]:
        """Images `first` to `last` - 1, at most CHUNK at a time."""
        files = []
        for start in (first, *range(first - first % CHUNK + CHUNK, last, CHUNK)):
            yield Remaining((last - start) * self.pixels, True)
            count = min(CHUNK - start % CHUNK, last - start)
            part = {"first": np.array(start, np.int32), "num_images": np.array(count, np.int32)}
            files.append(draw({**arrays, **part})["image_bytes"])
        return {"image_bytes": np.concatenate(files)}

    def _part_maker(self) -> Function | None:
        """`generate_from`, if it takes what `generate` takes, and `first`."""
        whole, part = self._signatures.get(GENERATE), self._signatures.get(GENERATE_FROM)
        if not whole or not part or {*whole.inputs, "first"} != set(part.inputs):
            return None
        numbers = [part.inputs["first"].tensor_shape, part.inputs["num_images"].tensor_shape]
        scalars = not any(shape.dim or shape.unknown_rank for shape in numbers)
        return part if scalars and part.outputs.keys() == {"image_bytes"} else None

    def _warm_up_drawing(self) -> None:
        """Draw an image by each signature that can: the first call is slow.

        The warm-up file has none, because TensorFlow Serving cannot batch their inputs.
        """
        values = {"first": 0, "num_images": 1, "seed": [0, 0], "truncation": 1, "label": 0}
        for name in (GENERATE, GENERATE_FROM):
            signature = self._signatures.get(name)
            if signature and signature.draws and set(signature.inputs) <= set(values):
                kinds = {
                    k: tf.as_dtype(v.dtype).as_numpy_dtype for k, v in signature.inputs.items()
                }
                signature({k: np.array(values[k], kind) for k, kind in kinds.items()})

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
                log = PredictionLog.FromString(record.numpy())
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


class Function(Signature):
    """A named function of a SavedModel: arrays by alias -> arrays by alias.

    Attributes:
        batched: whether concurrent calls are combined.
    """

    def __init__(self, definition: Any, function: Callable[..., Any], batching: Batching | None):
        super().__init__(definition)
        infos = [*self.inputs.values(), *self.outputs.values()]
        self._function = function
        self.batched = batching is not None and all(map(has_rows, infos))
        if batching is not None and self.batched:
            self._function = batched(self, function, batching)

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the function.

        Raises: Declined: wrong shapes or values, or an error of TensorFlow.
        """
        self.check(arrays)
        with tf_errors():
            outputs = self._function(**{k: tf.constant(v) for k, v in arrays.items()})
            return {alias: outputs[alias].numpy() for alias in self.outputs}


def check_operations(folder: Path) -> None:
    """Raises: Declined: DATA_LOSS: the graph may do more than compute."""
    try:
        saved_models.check(folder)
    except ModelError as error:
        raise Declined("DATA_LOSS", str(error)) from error


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
