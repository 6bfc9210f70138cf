"""Ask a served model for images: over REST with the standard library, over gRPC with the extra."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from .. import images
from ..errors import UsageError
from .status import HTTP, Refused

_BIG = 2**31 - 1


class Client:
    """A generator behind `ganvas serve`, or behind TensorFlow Serving.

    Args:
        url: http://HOST:PORT, https://..., grpc://HOST:PORT or grpcs://....
        model: its name; None: the only one there is.
        version: a number; None: the newest.
        token: what the server's --token-file holds.
        timeout: seconds to wait for an answer.
        certificate: path of a PEM file to trust, for a server with a certificate of its own.

    Raises: UsageError: a URL of another kind.

    Each call raises Refused, with the server's words and a `code` such as "NOT_FOUND".

    Example:
        with ganvas.Client("http://127.0.0.1:8501") as client:
            client.generate(16, seed=3)  # uint8 [16, H, W, C]
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        version: int | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        certificate: str | None = None,
    ):
        place = urlsplit(url)
        kinds: dict[str, Any] = {"http": _Rest, "https": _Rest, "grpc": _Grpc, "grpcs": _Grpc}
        if place.scheme not in kinds or not place.hostname or not place.port:
            raise UsageError(
                f"'{url}' is no server: give http://HOST:PORT or grpc://HOST:PORT, with s for TLS"
            )
        secure = place.scheme.endswith("s")
        trust = (certificate,) if secure else None
        self._wire = kinds[place.scheme](place.hostname, place.port, trust, token, timeout)
        self._name = model
        self._version = version
        self._inputs: dict[str, Any] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def generate(
        self, n: int, label: int | None = None, seed: int = 0, truncation: float = 1.0
    ) -> np.ndarray:
        """Images drawn by the server: the same seed, the same images.

        Args:
            label: a class by index; None: as often as in training.
            truncation: below 1, more typical, less varied.

        Returns: uint8 [n, H, W, C].
        """
        if n < 1:
            raise UsageError(f"n = {n}: at least 1 image can be drawn")
        inputs: dict[str, Any] = {
            "num_images": np.int32(n),
            "seed": np.array([seed % 2**31, seed // 2**31 % 2**31], np.int32),
            "truncation": np.float32(truncation),
        }
        if label is not None or self._takes_label("generate"):
            inputs["label"] = np.int32(-1 if label is None else label)
        files = self._call("generate", inputs, "image_bytes")
        return np.stack([images.read(file) for file in files])

    def predict(self, z: np.ndarray, label: int | Sequence[int] | None = None) -> np.ndarray:
        """Images of given noise.

        Args:
            z: [N, Z].
            label: one class index, or one for each row; for conditional models.

        Returns: float32 [N, H, W, C] in [-1, 1].
        """
        inputs = {"z": np.asarray(z, np.float32)}
        if label is not None:
            inputs["label"] = np.broadcast_to(np.asarray(label, np.int32), len(inputs["z"]))
        return np.asarray(self._call("serving_default", inputs, "images"), np.float32)

    def models(self) -> list[dict[str, Any]]:
        """What is served: name, versions, labels, signatures. TensorFlow Serving has no list."""
        return self._wire.models()

    def metadata(self) -> dict[str, Any]:
        """Signatures of the model: {name: {"inputs": {alias: {"dtype", "shape"}}, "outputs"}}."""
        return self._wire.metadata(self._model(), self._version)

    def _call(self, signature: str, inputs: Mapping[str, Any], output: str) -> Any:
        outputs = self._wire.predict(self._model(), self._version, signature, inputs)
        return outputs[output] if isinstance(outputs, dict) else outputs

    def _model(self) -> str:
        if self._name is None:
            names = [model["name"] for model in self.models()]
            if len(names) != 1:
                raise UsageError(f"the server has {', '.join(names)}: name one, as model=")
            self._name = names[0]
        return self._name

    def _takes_label(self, signature: str) -> bool:
        if not self._inputs:
            found = self.metadata().items()
            self._inputs = {name: sides["inputs"] for name, sides in found}
        return "label" in self._inputs.get(signature, {})


class _Rest:
    """HTTP, over connections that are kept for the next call."""

    def __init__(
        self, host: str, port: int, trust: tuple | None, token: str | None, timeout: float
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

    def predict(self, model, version, signature, inputs) -> Any:
        values = {alias: value.tolist() for alias, value in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": values}).encode()
        outputs = self._ask("POST", f"{_path(model, version)}:predict", body)["outputs"]
        several = isinstance(outputs, dict) and outputs.keys() != {"b64"}
        return {k: _unpacked(v) for k, v in outputs.items()} if several else _unpacked(outputs)

    def models(self) -> list[dict[str, Any]]:
        return self._ask("GET", "/v1/models")["models"]

    def metadata(self, model, version) -> dict[str, Any]:
        answer = self._ask("GET", f"{_path(model, version)}/metadata")
        definitions = answer["metadata"]["signature_def"]["signature_def"]
        return {name: _sides(one) for name, one in definitions.items()}

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        try:
            status, content = self._send(method, path, body)
            answer = json.loads(content)
        except (OSError, http.client.HTTPException, ValueError) as error:
            where = f"{self._host}:{self._port}"
            raise Refused("UNAVAILABLE", f"{where} does not answer as a server: {error}") from error
        if status != 200:
            codes = {number: code for code, number in reversed(HTTP.items())}
            words = answer.get("error", "") if isinstance(answer, dict) else ""
            raise Refused(codes.get(status, "UNKNOWN"), str(words), http=status)
        return answer

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        kept = bool(self._idle)
        connection = self._idle.pop() if kept else self._connect(self._host, self._port)
        try:
            connection.request(method, path, body, self._headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            # The server may have closed a kept connection; asking twice changes nothing there.
            if kept and not isinstance(error, TimeoutError):
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


class _Grpc:
    """gRPC, on TensorFlow Serving's stubs."""

    def __init__(
        self, host: str, port: int, trust: tuple | None, token: str | None, timeout: float
    ):
        try:
            import grpc
            from tensorflow_serving.apis import (
                get_model_metadata_pb2,
                predict_pb2,
                prediction_service_pb2_grpc,
            )

            from . import protos
        except ImportError as error:
            raise UsageError(
                f"{error}: gRPC needs the extra: pip install 'ganvas[serve]'"
            ) from error
        self._metadata, self._predict, self._protos = get_model_metadata_pb2, predict_pb2, protos
        # Python clients refuse answers over 4 MB unless told otherwise.
        options = [("grpc.max_receive_message_length", _BIG)]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if trust:
            roots = Path(trust[0]).read_bytes() if trust[0] else None
            credentials = grpc.ssl_channel_credentials(roots)
            self._channel = grpc.secure_channel(place, credentials, options)
        else:
            self._channel = grpc.insecure_channel(place, options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._list = self._channel.unary_unary("/ganvas.Models/List")
        self._token = [("authorization", f"Bearer {token}")] if token else None
        self._timeout = timeout
        self._error = grpc.RpcError

    def close(self) -> None:
        self._channel.close()

    def predict(self, model, version, signature, inputs) -> Any:
        request = self._predict.PredictRequest()
        self._fill(request.model_spec, model, version)
        request.model_spec.signature_name = signature
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(self._protos.write(np.asarray(value)))
        outputs = self._ask(self._stub.Predict, request).outputs
        return {alias: self._protos.to_array(proto) for alias, proto in outputs.items()}

    def models(self) -> list[dict[str, Any]]:
        return json.loads(self._ask(self._list, b""))["models"]

    def metadata(self, model, version) -> dict[str, Any]:
        from google.protobuf import json_format

        request = self._metadata.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._fill(request.model_spec, model, version)
        answer = self._ask(self._stub.GetModelMetadata, request)
        found = self._metadata.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(found)
        plain = json_format.MessageToDict(
            found, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
        )
        return {name: _sides(one) for name, one in plain["signature_def"].items()}

    def _fill(self, spec: Any, model: str, version: int | None) -> None:
        spec.name = model
        if version is not None:
            spec.version.value = version

    def _ask(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout, metadata=self._token)
        except self._error as error:
            raise Refused(error.code().name, error.details() or error.code().name) from error
