"""Responses of both protocols, as messages of TensorFlow Serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import struct_pb2

from . import messages
from .dtypes import dtype
from .engines.base import Servable, Signature
from .models import AVAILABLE, Models, Version
from .signatures import DEFAULT
from .status import NUMBERS, Declined, invalid


def status(versions: Sequence[Version]) -> Any:
    """GetModelStatusResponse: all versions with state and error."""
    response = messages.GetModelStatusResponse()
    for version in versions:
        one = response.model_version_status.add(version=version.number, state=version.state)
        if version.error:
            one.status.error_code = NUMBERS[version.error.code]
            one.status.error_message = version.error.message
        else:
            one.status.error_code = 0
    return response


def metadata(servable: Servable) -> Any:
    """SignatureDefMap of saved_model.pb."""
    found = messages.SignatureDefMap()
    for name, definition in servable.definitions.items():
        found.signature_def[name].CopyFrom(definition)
    return found


def names(servable: Servable) -> Any:
    """The names of the classes, by index. TensorFlow Serving has no such metadata."""
    found = struct_pb2.ListValue()
    found.extend(servable.names)
    return found


def no_examples(signature: Signature | None, name: str, method: str) -> Declined:
    """The error for classify and regress: generators have no such signature.

    Args:
        method: "classify" or "regress".
    """
    wanted = f"tensorflow/serving/{method}"
    if signature is None:
        return invalid(f"No signature was found with the name: {name or DEFAULT}")
    if signature.method != wanted:
        kind = {"classify": "classification", "regress": "regression"}[method]
        return invalid(
            f"Expected {kind} signature method_name to be {wanted}. Was: {signature.method}"
        )
    return Declined("UNIMPLEMENTED", f"{method} is not served here: use predict")


def list_models(models: Models) -> dict[str, Any]:
    """Names, available versions, labels, class names and signatures of all models; the last two of
    the newest version."""
    listed = []
    for name in models.names():
        try:
            versions = [v.number for v in models.status(name) if v.state == AVAILABLE]
            servable = models.find(name)
            signatures, names = describe(servable), list(servable.names)
        except Declined:  # not loaded yet
            versions, signatures, names = [], {}, []
        listed.append(
            {
                "name": name,
                "versions": versions,
                "labels": models.labels(name),
                "names": names,
                "signatures": signatures,
            }
        )
    return {"models": listed}


def describe(servable: Servable) -> dict[str, Any]:
    """Aliases, types and shapes of a model's signatures."""

    def side(infos: Mapping[str, Any]) -> dict[str, Any]:
        return {
            alias: {
                "dtype": dtype(info.dtype).name,
                "shape": [dim.size for dim in info.tensor_shape.dim],
            }
            for alias, info in infos.items()
        }

    found = {}
    for name in servable.definitions:
        signature = servable.find(name)
        if signature is not None:
            found[name] = {"inputs": side(signature.inputs), "outputs": side(signature.outputs)}
    return found
