"""Classes of the messages in `serve/definitions.py`, without TensorFlow.

They live in a descriptor pool of their own: TensorFlow and its packages register messages of the
same names in the common pool, with which they must not collide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    wrappers_pb2,
)

from . import definitions

_Field = descriptor_pb2.FieldDescriptorProto
_FIELD = re.compile(
    r"(?P<name>\w+) (?:map (?P<key>\w+) )?(?P<type>[\w.]+)(?P<many>\*?) (?P<number>\d+)"
    r"(?: \((?P<oneof>\w+)\))?"
)
_SCALARS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "float", "int32", "int64", "string", "uint32", "uint64")
}


class _File:
    """A file of messages of one package, being made."""

    def __init__(self, package: str, *imports: str):
        self.package = package
        name = f"ganvas/{package.replace('.', '/')}.proto"
        self.proto = descriptor_pb2.FileDescriptorProto(
            name=name, package=package, syntax="proto3", dependency=imports
        )
        self._messages: dict[str, Any] = {}

    def enum(self, name: str, values: Mapping[str, int]) -> None:
        """An enum of the package, or of a message."""
        outer, _, own = name.rpartition(".")
        found = (self._message(outer) if outer else self.proto).enum_type.add(name=own)
        for value, number in values.items():
            found.value.add(name=value, number=number)

    def messages(self, text: str) -> None:
        for line in text.strip().splitlines():
            name, _, fields = line.partition(":")
            message, oneofs = self._message(name), {}
            for field in filter(None, fields.strip().split(", ")):
                found = _FIELD.fullmatch(field.strip())
                if found is None:
                    raise ValueError(f"{name} has the field {field!r}")  # of the table, not a user
                oneof = found["oneof"]
                if oneof and oneof not in oneofs:
                    oneofs[oneof] = len(message.oneof_decl)
                    message.oneof_decl.add(name=oneof)
                made = self._field(message, name, found)
                if oneof:
                    made.oneof_index = oneofs[oneof]

    def _message(self, name: str) -> Any:
        """The message of this name, within another one if it has a dot."""
        if name not in self._messages:
            outer, _, own = name.rpartition(".")
            place = self._message(outer).nested_type if outer else self.proto.message_type
            self._messages[name] = place.add(name=own)
        return self._messages[name]

    def _field(self, message: Any, name: str, found: re.Match[str]) -> Any:
        many, kind = bool(found["many"]), found["type"]
        if found["key"]:
            entry = "".join(map(str.capitalize, found["name"].split("_"))) + "Entry"
            pair = message.nested_type.add(name=entry)
            pair.options.map_entry = True
            self._typed(pair.field.add(name="key", number=1), found["key"], False)
            self._typed(pair.field.add(name="value", number=2), kind, False)
            many, kind = True, f"{name}.{entry}"
        made = message.field.add(name=found["name"], number=int(found["number"]))
        self._typed(made, kind, many)
        return made

    def _typed(self, field: Any, kind: str, many: bool) -> None:
        field.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
            return
        full = f".{kind}" if kind.startswith("google.") else kind
        full = full if full.startswith(".") else f".{self.package}.{kind}"
        field.type = _Field.TYPE_ENUM if full[1:] in definitions.ENUMS else _Field.TYPE_MESSAGE
        field.type_name = full


def _pool() -> Any:
    error, tensorflow = _File("tensorflow.error"), _File("tensorflow")
    inference = _File("inference")
    common = [file.DESCRIPTOR.name for file in (any_pb2, wrappers_pb2)]
    serving = _File("tensorflow.serving", error.proto.name, tensorflow.proto.name, *common)
    tensorflow.messages(definitions.TENSORFLOW)
    serving.messages(definitions.SERVING + definitions.BATCHING.strip())
    inference.messages(definitions.INFERENCE)
    files = {file.package: file for file in (error, tensorflow, serving, inference)}
    for file in files.values():
        for name, values in definitions.ENUMS.items():
            within = name.removeprefix(f"{file.package}.")
            if within != name and not within.startswith(("error.", "serving.")):
                file.enum(within, values)
    for name, methods in definitions.SERVICES.items():
        package, _, own = name.rpartition(".")
        service = files[package].proto.service.add(name=own)
        for method, (request, response) in methods.items():
            service.method.add(
                name=method,
                input_type=f".{package}.{request}",
                output_type=f".{package}.{response}",
            )
    pool = descriptor_pool.DescriptorPool()
    for module in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    for file in files.values():
        pool.AddSerializedFile(file.proto.SerializeToString())
    return pool


POOL = _pool()


def message(name: str) -> Any:
    """The class of a message by its full name."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))


def methods(service: str) -> dict[str, tuple[Any, Any]]:
    """Method -> classes of the request and of the response, of a service by its full name."""
    package = service.rpartition(".")[0]
    return {
        method: (message(f"{package}.{request}"), message(f"{package}.{response}"))
        for method, (request, response) in definitions.SERVICES[service].items()
    }


def _serving(name: str) -> Any:
    return message(f"tensorflow.serving.{name}")


SavedModel = message("tensorflow.SavedModel")
SignatureDef = message("tensorflow.SignatureDef")
TensorProto = message("tensorflow.TensorProto")
BatchingParameters = _serving("BatchingParameters")
GetModelMetadataRequest = _serving("GetModelMetadataRequest")
GetModelMetadataResponse = _serving("GetModelMetadataResponse")
GetModelStatusResponse = _serving("GetModelStatusResponse")
ModelServerConfig = _serving("ModelServerConfig")
PredictionLog = _serving("PredictionLog")
PredictRequest = _serving("PredictRequest")
PredictResponse = _serving("PredictResponse")
ReloadConfigResponse = _serving("ReloadConfigResponse")
SignatureDefMap = _serving("SignatureDefMap")
