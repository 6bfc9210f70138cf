"""Tensors of the Open Inference Protocol, version 2: requests -> arrays, arrays -> responses.

Source: the Open Inference Protocol (kserve/open-inference-protocol) for the JSON, its binary tensor
data extension for raw bytes after the JSON.
Differs: bytes in JSON, such as PNG files, are base64, with the parameter `content_type`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from . import json_outputs, jsons
from .dtypes import dtype
from .raw_tensors import BY_NAME, as_bytes, datatype, from_raw, kind_of, shaped, to_raw
from .status import invalid

HEADER = "inference-header-content-length"
"""HTTP header: bytes of the JSON, before the raw bytes."""
_KINDS = {"b": "b", "u": "iu", "i": "iu", "f": "iuf"}
"""Kind of an input's type -> kinds of JSON values that it takes."""


@dataclass(frozen=True)
class Asked:
    """An inference request.

    Attributes:
        id: of the client, for the response.
        signature: name of the model's signature; "": its default.
        inputs: as sent.
        outputs: names of the wanted outputs, and whether each comes as raw bytes; empty: all.
        binary: whether outputs come as raw bytes where nothing else is said.
        raw: the bytes after the JSON.
    """

    id: str
    signature: str
    inputs: list[dict[str, Any]]
    outputs: dict[str, bool]
    binary: bool
    raw: memoryview


def parse(body: bytes, header: str | None) -> Asked:
    """Args: header: the value of HEADER, if it was sent. Raises: Declined: INVALID_ARGUMENT."""
    length = len(body)
    if header is not None:
        if not header.isdecimal() or len(header) > 18 or int(header) > length:
            raise invalid(f"{HEADER} must be 0 to {length}, the length of the body, got {header}")
        length = int(header)
    request = jsons.parse(body[:length])
    options = _object(request, "parameters")
    binary = options.get("binary_data_output") is True
    wanted = {}
    for one in _objects(request, "outputs"):
        own = _object(one, "parameters").get("binary_data", binary)
        wanted[_text(one, "name")] = own is True
    inputs = _objects(request, "inputs")
    if not inputs:
        raise invalid('a request needs "inputs", a list of tensors with name, shape and datatype')
    number, signature = request.get("id", ""), options.get("signature_name", "")
    if not isinstance(number, str) or not isinstance(signature, str):
        raise invalid("id and parameters.signature_name must be texts")
    return Asked(number, signature, inputs, wanted, binary, memoryview(body)[length:])


def arrays(asked: Asked, infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The inputs by name.

    Args:
        infos: TensorInfo by alias, as the signature declares.

    Raises: Declined: INVALID_ARGUMENT.
    """
    found, at = {}, 0
    for tensor in asked.inputs:
        name = _text(tensor, "name")
        if name not in infos:
            raise invalid(f"there is no input {name!r}: the model takes {', '.join(infos)}")
        if name in found:
            raise invalid(f"input {name!r} was sent twice")
        wanted, sent = datatype(dtype(infos[name].dtype).name), _text(tensor, "datatype")
        if sent != wanted:
            raise invalid(f"input {name!r} has the datatype {sent[:20]}, the model takes {wanted}")
        shape = _shape(tensor, name)
        options = _object(tensor, "parameters")
        if "shared_memory_region" in options:
            raise invalid("shared memory is not served: send the data in the request")
        size = options.get("binary_data_size")
        if size is None:
            found[name] = _from_json(tensor.get("data"), wanted, shape, name)
            continue
        if (
            not isinstance(size, int)
            or isinstance(size, bool)
            or not 0 <= size <= len(asked.raw) - at
        ):
            raise invalid(f"input {name!r}: binary_data_size {size} is not in the body")
        found[name] = from_raw(asked.raw[at : at + size], wanted, shape, name)
        at += size
    if at != len(asked.raw):
        raise invalid(f"{len(asked.raw) - at} bytes after the JSON belong to no input")
    if missing := [name for name in infos if name not in found]:
        raise invalid(f"missing inputs: {', '.join(missing)}")
    return found


def chosen(asked: Asked, outputs: Sequence[str]) -> dict[str, bool]:
    """Names of the outputs to send, and whether each is raw bytes. Raises: Declined: another."""
    for name in asked.outputs:
        if name not in outputs:
            raise invalid(f"there is no output {name!r}: the model gives {', '.join(outputs)}")
    return asked.outputs or dict.fromkeys(outputs, asked.binary)


def response(
    about: Mapping[str, str], outputs: Mapping[str, np.ndarray], raw: Mapping[str, bool]
) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON if raw bytes follow.

    Args:
        about: model_name, model_version, id.
        raw: names of the outputs to send, and whether each is raw bytes.

    Raises: Declined: INVALID_ARGUMENT: too many values for JSON.
    """
    values = sum(outputs[name].size for name, binary in raw.items() if not binary)
    if values > json_outputs.MAX_VALUES:
        raise invalid(
            f"a JSON response may have {json_outputs.MAX_VALUES} values, got {values}: ask for "
            "binary_data, or send several requests"
        )
    tensors, tail = [], []
    for name, binary in raw.items():
        array = outputs[name]
        kind = kind_of(array)
        tensor: dict[str, Any] = {"name": name, "datatype": kind, "shape": list(array.shape)}
        if binary:
            content = to_raw(array, kind)
            tensor["parameters"] = {"binary_data_size": len(content)}
            tail.append(content)
        elif kind == "BYTES":
            tensor["parameters"] = {"content_type": "base64"}
            tensor["data"] = [base64.b64encode(as_bytes(one)).decode() for one in array.ravel()]
        else:
            flat = np.ascontiguousarray(array).ravel()
            tensor["data"] = flat.astype(np.float32) if kind == "FP16" else flat
        tensors.append(tensor)
    head = orjson.dumps({**about, "outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)
    return head + b"".join(tail), len(head) if tail else None


def _objects(request: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = request.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise invalid(f"{key!r} must be a list of objects")
    return value


def _object(request: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = request.get(key, {})
    if not isinstance(value, dict):
        raise invalid(f"{key!r} must be an object")
    return value


def _text(tensor: Mapping[str, Any], key: str) -> str:
    value = tensor.get(key)
    if not isinstance(value, str):
        raise invalid(f"each tensor needs {key!r}, a text")
    return value


def _shape(tensor: Mapping[str, Any], name: str) -> tuple[int, ...]:
    sides = tensor.get("shape")
    if not isinstance(sides, list) or len(sides) > jsons.MAX_RANK:
        raise invalid(f"input {name!r} needs a shape, a list of at most {jsons.MAX_RANK} sizes")
    if not all(type(side) is int and 0 <= side < 2**31 for side in sides):
        raise invalid(f"input {name!r}: the sizes of its shape must be integers from 0")
    return tuple(sides)


def _from_json(data: Any, kind: str, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Nested or flat lists, in the order of rows."""
    if not isinstance(data, list):
        raise invalid(f"input {name!r} needs data, a list, or binary_data_size")
    flat = list(_flat(data))
    wrong = invalid(f"input {name!r} holds values that are not of the type {kind}")
    if kind == "BYTES":
        if not all(isinstance(one, str) for one in flat):
            raise wrong
        values = np.array([one.encode("utf-8", "surrogatepass") for one in flat], object)
        return shaped(values, shape, name)
    target = BY_NAME[kind].array
    given = np.asarray(flat) if flat else np.zeros(0, target)
    if given.dtype.kind not in _KINDS[target.kind]:
        raise wrong
    if any(isinstance(one, bool) for one in flat) and target.kind != "b":
        raise wrong
    if target.kind in "iu" and len(flat):
        limits = np.iinfo(target)
        if int(given.min()) < limits.min or int(given.max()) > limits.max:
            raise wrong
    with np.errstate(over="ignore"):  # as TensorFlow Serving: too large is infinite
        return shaped(given.astype(target), shape, name)


def _flat(data: list[Any]) -> Iterator[Any]:
    for one in data:
        if isinstance(one, list):
            yield from _flat(one)
        else:
            yield one
