"""Transports of the client: HTTP by the standard library, gRPC by the extra."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ..base import extras
from .status import HTTP, Declined

_BIG = 2**31 - 1


class Rest:
    """HTTP, with connections that are reused."""

    def __init__(
        self,
        host: str,
        port: int,
        trust: tuple[str | None] | None,
        token: str | None,
        timeout: float,
    ):
        self._host, self._port = host, port
        self._connect = partial(http.client.HTTPConnection, timeout=timeout)
        if trust:
            context = ssl.create_default_context(cafile=trust[0])
            self._connect = partial(http.client.HTTPSConnection, timeout=timeout, context=context)
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._idle: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def predict(
        self, model: str, version: int | None, signature: str, inputs: Mapping[str, Any]
    ) -> Any:
        values = {alias: value.tolist() for alias, value in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": values}).encode()
        outputs = self._request("POST", f"{_path(model, version)}:predict", body)["outputs"]
        several = isinstance(outputs, dict) and outputs.keys() != {"b64"}
        return {k: _unpacked(v) for k, v in outputs.items()} if several else _unpacked(outputs)

    def models(self) -> list[dict[str, Any]]:
        return self._request("GET", "/v1/models")["models"]

    def metadata(self, model: str, version: int | None) -> dict[str, Any]:
        answer = self._request("GET", f"{_path(model, version)}/metadata")
        definitions = answer["metadata"]["signature_def"]["signature_def"]
        return {name: _sides(one) for name, one in definitions.items()}

    def names(self, model: str, version: int | None) -> list[str]:
        answer = self._request("GET", f"{_path(model, version)}/metadata")
        return [str(name) for name in answer["metadata"].get("names", ())]

    def _request(self, method: str, path: str, body: bytes | None = None) -> Any:
        try:
            status, content = self._send(method, path, body)
            answer = json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            where = f"{self._host}:{self._port}"
            raise Declined(
                "UNAVAILABLE", f"no response of a model server from {where}: {error}"
            ) from error
        if status != 200:
            codes = {number: code for code, number in reversed(HTTP.items())}
            message = answer.get("error", "") if isinstance(answer, dict) else ""
            raise Declined(codes.get(status, "UNKNOWN"), str(message), http=status)
        return answer

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        reused = bool(self._idle)
        connection = self._idle.pop() if reused else self._connect(self._host, self._port)
        try:
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            # The server may have closed the idle connection; a repeated request is harmless.
            if reused and not isinstance(error, TimeoutError):
                return self._send(method, path, body)
            raise
        self._idle.append(connection)
        return status, content


def _path(model: str, version: int | None) -> str:
    name = f"/v1/models/{quote(model, safe='')}"
    return name if version is None else f"{name}/versions/{version}"


def _unpacked(value: Any) -> Any:
    """{"b64": ...} -> bytes, in lists of any depth."""
    if isinstance(value, list) and value and isinstance(value[0], (list, dict)):
        return [_unpacked(item) for item in value]
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _sides(definition: Mapping[str, Any]) -> dict[str, Any]:
    def side(infos: Mapping[str, Any]) -> dict[str, Any]:
        return {
            alias: {
                "dtype": info["dtype"],
                "shape": [int(dim["size"]) for dim in info["tensor_shape"]["dim"]],
            }
            for alias, info in infos.items()
        }

    return {"inputs": side(definition["inputs"]), "outputs": side(definition["outputs"])}


class Grpc:
    """gRPC."""

    def __init__(
        self,
        host: str,
        port: int,
        trust: tuple[str | None] | None,
        token: str | None,
        timeout: float,
    ):
        try:
            import grpc

            from . import messages, protos
        except ImportError as error:
            extras.explain(error, "grpc://")
            raise
        self._messages = messages
        self._from_array, self._to_array = protos.write, protos.to_array
        # By default, Python clients refuse responses over 4 MB.
        options = [("grpc.max_receive_message_length", _BIG)]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if trust:
            roots = Path(trust[0]).read_bytes() if trust[0] else None
            credentials = grpc.ssl_channel_credentials(roots)
            self._channel = grpc.secure_channel(place, credentials, options)
        else:
            self._channel = grpc.insecure_channel(place, options)
        self._calls = {
            name: self._channel.unary_unary(
                f"/tensorflow.serving.PredictionService/{name}",
                messages.message(f"tensorflow.serving.{name}Request").SerializeToString,
                messages.message(f"tensorflow.serving.{name}Response").FromString,
            )
            for name in ("Predict", "GetModelMetadata")
        }
        self._list = self._channel.unary_unary("/ganvas.Models/List")
        self._token = [("authorization", f"Bearer {token}")] if token else None
        self._timeout = timeout
        self._error = grpc.RpcError

    def close(self) -> None:
        self._channel.close()

    def predict(
        self, model: str, version: int | None, signature: str, inputs: Mapping[str, Any]
    ) -> Any:
        request = self._messages.PredictRequest()
        self._fill(request.model_spec, model, version)
        request.model_spec.signature_name = signature
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(self._from_array(np.asarray(value)))
        outputs = self._call(self._calls["Predict"], request).outputs
        return {alias: self._to_array(proto) for alias, proto in outputs.items()}

    def models(self) -> list[dict[str, Any]]:
        return json.loads(self._call(self._list, b""))["models"]

    def metadata(self, model: str, version: int | None) -> dict[str, Any]:
        from google.protobuf import json_format

        request = self._messages.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._fill(request.model_spec, model, version)
        answer = self._call(self._calls["GetModelMetadata"], request)
        found = self._messages.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        plain = json_format.MessageToDict(
            found, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
        )
        return {name: _sides(one) for name, one in plain["signature_def"].items()}

    def names(self, model: str, version: int | None) -> list[str]:
        from google.protobuf import struct_pb2

        request = self._messages.GetModelMetadataRequest(metadata_field=["names"])
        self._fill(request.model_spec, model, version)
        try:
            answer = self._call(self._calls["GetModelMetadata"], request)
        except Declined as error:
            if error.code == "INVALID_ARGUMENT":  # TensorFlow Serving: not supported
                return []
            raise
        found = struct_pb2.ListValue()
        answer.metadata["names"].Unpack(found)
        return [str(name) for name in found]

    def _fill(self, spec: Any, model: str, version: int | None) -> None:
        spec.name = model
        if version is not None:
            spec.version.value = version

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout, metadata=self._token)
        except self._error as error:
            raise Declined(error.code().name, error.details() or error.code().name) from error
