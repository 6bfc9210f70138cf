"""What the protocols need of a loaded version, whatever computes it."""

from __future__ import annotations

import abc
import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from google.protobuf.message import DecodeError

from ...errors import ModelError
from ...storage import manifest
from ..dtypes import dtype
from ..inspections import monitor_of
from ..messages import SavedModel
from ..protos import MAX_BYTES
from ..scheduler import Steps
from ..signatures import DEFAULT
from ..status import Declined, invalid

MAX_ROWS = 4096
MAX_VALUES = 2**24
"""Limits of a model that draws images: images of a request, and values of a response (16 million
floats are 64 MB)."""
WARM_UP_SECONDS = 300.0


class Signature:
    """Inputs and outputs of a named function of a model, and the limits of a request.

    Attributes:
        inputs, outputs: TensorInfo by alias.
        method: as written in the model, "tensorflow/serving/predict".
        pixels, values: of an image or row of the outputs.
        draws: whether an input says how many images are wanted.
    """

    def __init__(self, definition: Any):
        self.inputs: dict[str, Any] = dict(sorted(definition.inputs.items()))
        self.outputs: dict[str, Any] = dict(sorted(definition.outputs.items()))
        self.method: str = definition.method_name
        self._rows = [alias for alias, info in self.inputs.items() if begins_free(info)]
        rows = [sides_of(info)[1:] for info in self.outputs.values() if begins_free(info)]
        self.values = max([1, *map(math.prod, rows)])
        self._max_rows = MAX_BYTES // _bytes_of_a_row(self.outputs)
        if _draws_images(self.outputs):
            self._max_rows = min(MAX_ROWS, MAX_VALUES // self.values)
        wanted = self.inputs.get("num_images")
        self.draws = wanted is not None and dtype(wanted.dtype).is_integer
        self.pixels = max([1, *(math.prod(sides[:2]) for sides in rows)])

    def images(self, arrays: Mapping[str, np.ndarray]) -> int:
        """Images, or rows, that a request asks for."""
        rows = [len(arrays[alias]) for alias in self._rows if arrays[alias].ndim]
        wanted = [int(arrays["num_images"].max(initial=0))] if self.draws else []
        return max([*rows, *wanted, 0])

    def check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raises: Declined: a wrong shape, or too many images."""
        for alias, array in arrays.items():
            shape = self.inputs[alias].tensor_shape
            sides = [dim.size for dim in shape.dim]
            fits = len(sides) == array.ndim and all(
                want in (-1, got) for want, got in zip(sides, array.shape, strict=True)
            )
            if not (fits or shape.unknown_rank):
                raise invalid(f"input {alias} must have shape {sides}, got {list(array.shape)}")
        rows = self.images(arrays)
        if rows > self._max_rows:
            what = "images" if _draws_images(self.outputs) else "rows"
            raise invalid(
                f"a request may have at most {self._max_rows} {what} with this model, got {rows}: "
                "send several requests"
            )


class Servable(abc.ABC):
    """A version of a model in memory.

    Attributes:
        names: of the classes, by index; empty without classes.
        monitor: a test of drift for a detector's p-values; None for other models.
        definitions: SignatureDef by name: the metadata of TensorFlow Serving.
    """

    engine: ClassVar[str]
    """What computes: "tensorflow", "litert" or "onnx"."""
    platform: ClassVar[str]
    """The same, in the words of the Open Inference Protocol."""
    runtime: ClassVar[str]
    """The same, in the metrics of TensorFlow Serving."""

    def __init__(self, name: str, version: int, folder: Path, definitions: Mapping[str, Any]):
        self.name = name
        self.version = version
        self.folder = folder
        self.names = manifest.class_names(folder)
        self.monitor = monitor_of(folder)
        self.definitions = definitions

    @abc.abstractmethod
    def find(self, name: str) -> Signature | None:
        """A signature by name; "" is serving_default."""

    @abc.abstractmethod
    def steps(self, name: str, arrays: Mapping[str, np.ndarray]) -> Steps[dict[str, np.ndarray]]:
        """Run a signature that `find` finds.

        Raises: Declined: wrong shapes or values, too many images, or an error of the engine.
        """

    @property
    def pixels(self) -> int:
        """Of one image that the model draws."""
        signature = self.find(DEFAULT)
        return signature.pixels if signature else 1


def _draws_images(outputs: Mapping[str, Any]) -> bool:
    """Whether an output is images [N, H, W, C], or files of images."""
    return "image_bytes" in outputs or any(
        len(sides_of(info)) == 4 and sides_of(info)[3] <= 4 for info in outputs.values()
    )


def _bytes_of_a_row(outputs: Mapping[str, Any]) -> int:
    """Of all outputs together."""
    total = 0
    for info in filter(begins_free, outputs.values()):
        with contextlib.suppress(TypeError):  # such an output cannot be sent
            total += math.prod(sides_of(info)[1:]) * dtype(info.dtype).size
    return max(1, total)


def sides_of(info: Any) -> list[int]:
    return [max(1, dim.size) for dim in info.tensor_shape.dim]


def begins_free(info: Any) -> bool:
    """Whether the first axis is a free number of rows."""
    return bool(info.tensor_shape.dim) and info.tensor_shape.dim[0].size == -1


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a model, whose files are checked against it; {}: it has none.

    Raises: Declined: DATA_LOSS: a file is missing, changed, or not in the manifest.
    """
    if not (folder / manifest.NAME).is_file():
        return {}
    try:
        return manifest.verify(folder)
    except ModelError as error:
        raise Declined("DATA_LOSS", str(error)) from error


def definitions_of(folder: Path) -> dict[str, Any]:
    """SignatureDefs by name, from the SavedModel of a version."""
    path = folder / "saved_model.pb"
    try:
        model = SavedModel.FromString(path.read_bytes())
    except OSError as error:
        raise Declined("NOT_FOUND", f"{path} does not exist: export a model") from error
    except DecodeError as error:
        raise Declined("DATA_LOSS", f"{path} is not a SavedModel: export it again") from error
    for graph in model.meta_graphs:
        if set(graph.meta_info_def.tags) == {"serve"}:
            return dict(graph.signature_def)
    raise Declined("NOT_FOUND", f"{path} has no graph with the tag 'serve': export it again")
