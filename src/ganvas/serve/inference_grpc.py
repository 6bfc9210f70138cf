"""Version 2 of the Open Inference Protocol over gRPC: the answers of `serve/inference.py`.

Source: kserve/open-inference-protocol, `grpc_service.proto`.
Differs: outputs are always raw bytes (`raw_output_contents`), as Triton's are; shared memory is not
served.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from . import inference, messages
from .bodies import LARGE_BODY, version_number
from .engine import Watch
from .grpcs import Service, here
from .raw_tensors import BY_NAME, kind_of, to_raw
from .scheduler import Remaining, Steps
from .status import Declined, invalid
from .tensors import Asked

SERVICE = "inference.GRPCInferenceService"
_RESPONSES = {method: response for method, (_, response) in messages.methods(SERVICE).items()}
_FIELDS = {
    "BOOL": "bool_contents", "INT64": "int64_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
}  # fmt: skip
"""Field of the values of a datatype; FP16 has none, and comes as raw bytes."""


class Inference(Service):
    """inference.GRPCInferenceService."""

    protocol = "gRPC v2"

    async def ServerLive(self, request: Any, context: Any) -> Any:
        return _RESPONSES["ServerLive"](live=True)

    async def ServerReady(self, request: Any, context: Any) -> Any:
        ready = self._engine.models.ready() and not self._engine.draining
        return _RESPONSES["ServerReady"](ready=ready)

    async def ServerMetadata(self, request: Any, context: Any) -> Any:
        return _RESPONSES["ServerMetadata"](**inference.SERVER)

    async def ModelReady(self, request: Any, context: Any) -> Any:
        return await self._answer("ModelReady", context, partial(self._ready, request), here)

    async def ModelMetadata(self, request: Any, context: Any) -> Any:
        return await self._answer("ModelMetadata", context, partial(self._facts, request), here)

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        return await self._answer("ModelInfer", context, partial(self._infer, request))

    def _found(self, name: str, version: str, watch: Watch) -> Any:
        if version and not (version.isascii() and version.isdecimal()):
            raise invalid(f"Failed to convert version: {version[:40]} to numeric.")
        return watch.found(self._engine.models.find(name, version_number(version or None)))

    def _ready(self, request: Any, watch: Watch) -> Any:
        """Not ready, instead of an error, if there is no such model: as Triton answers."""
        try:
            self._found(request.name, request.version, watch)
        except Declined as error:
            if error.code != "NOT_FOUND":
                raise
            return _RESPONSES["ModelReady"](ready=False)
        return _RESPONSES["ModelReady"](ready=True)

    def _facts(self, request: Any, watch: Watch) -> Any:
        servable = self._found(request.name, request.version, watch)
        return _RESPONSES["ModelMetadata"](**inference.facts(self._engine.models, servable))

    def _infer(self, request: Any, watch: Watch) -> Steps[Any]:
        size = request.ByteSize()
        yield Remaining(size, size > LARGE_BODY)
        asked = read(request)
        servable = self._found(request.model_name, request.model_version, watch)
        arrays, wanted = inference.inputs(asked, servable)
        outputs = yield from self._engine.predict(watch, servable, asked.signature, arrays)
        response = _RESPONSES["ModelInfer"](
            model_name=servable.name, model_version=str(servable.version), id=asked.id
        )
        for name in wanted:
            kind = kind_of(outputs[name])
            response.outputs.add(name=name, datatype=kind, shape=outputs[name].shape)
            response.raw_output_contents.append(to_raw(outputs[name], kind))
        return response


def read(request: Any) -> Asked:
    """A ModelInferRequest, of which all values are raw bytes.

    Raises: Declined: INVALID_ARGUMENT.
    """
    raw, given = list(request.raw_input_contents), list(request.inputs)
    if not given:
        raise invalid("a request needs inputs, with name, shape and datatype")
    if raw and len(raw) != len(given):
        raise invalid(f"there are {len(given)} inputs, and {len(raw)} raw_input_contents")
    if raw and (both := [one.name for one in given if one.HasField("contents")]):
        raise invalid(f"input {both[0]!r} has contents, which must not stand beside raw contents")
    raw = raw or [_raw(one) for one in given]
    tensors = [
        {
            "name": one.name, "datatype": one.datatype, "shape": list(one.shape),
            "parameters": {**_plain(one.parameters), "binary_data_size": len(content)},
        }
        for one, content in zip(given, raw, strict=True)
    ]  # fmt: skip
    signature = _plain(request.parameters).get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid("parameters.signature_name must be a text")
    outputs = {one.name: True for one in request.outputs}
    return Asked(request.id, signature, tensors, outputs, True, memoryview(b"".join(raw)))


def _raw(tensor: Any) -> bytes:
    """The values of the typed field of an input."""
    kind = tensor.datatype
    if kind not in _FIELDS:
        if kind in BY_NAME:
            raise invalid(f"input {tensor.name!r} of {kind} must come in raw_input_contents")
        return b""  # it is refused by its datatype
    sent = getattr(tensor.contents, _FIELDS[kind])
    if kind == "BYTES":
        texts = np.empty(len(sent), object)
        texts[:] = list(sent)
        return to_raw(texts, kind)
    target = BY_NAME[kind].array
    values = np.fromiter(sent, {"i": np.int64, "u": np.uint64}.get(target.kind, target))
    if target.kind in "iu" and not np.array_equal(values.astype(target), values):
        raise invalid(f"input {tensor.name!r} holds values that are not of the type {kind}")
    return to_raw(values.astype(target), kind)


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Values of parameters by name."""
    return {
        name: getattr(one, choice)
        for name, one in parameters.items()
        if (choice := one.WhichOneof("parameter_choice"))
    }
