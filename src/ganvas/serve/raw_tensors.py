"""Tensors of the Open Inference Protocol, version 2: datatypes, and raw bytes <-> arrays.

Source: its binary tensor data extension; over gRPC, `raw_input_contents` have the same form.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .dtypes import dtype, named
from .status import Declined, invalid

_TYPES = {
    "bool": "BOOL", "uint8": "UINT8", "uint16": "UINT16", "uint32": "UINT32", "uint64": "UINT64",
    "int8": "INT8", "int16": "INT16", "int32": "INT32", "int64": "INT64", "float16": "FP16",
    "float32": "FP32", "float64": "FP64", "string": "BYTES",
}  # fmt: skip
BY_NAME = {name: named(one) for one, name in _TYPES.items()}
"""Datatype -> type of TensorFlow."""


def describe(infos: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Inputs or outputs of a signature, for the metadata; -1: any size."""
    return [
        {"name": alias, "datatype": datatype(dtype(info.dtype).name), "shape": _sides(info)}
        for alias, info in infos.items()
    ]


def datatype(kind: str) -> str:
    """The datatype of a type by its name. Raises: Declined: UNIMPLEMENTED: there is none."""
    try:
        return _TYPES[kind]
    except KeyError as error:
        raise Declined("UNIMPLEMENTED", f"type {kind} is not served by version 2") from error


def _sides(info: Any) -> list[int]:
    return [side.size for side in info.tensor_shape.dim]


def from_raw(raw: memoryview, kind: str, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Args: kind: a datatype; name: of the input. Raises: Declined: it has another length."""
    if kind == "BYTES":
        return shaped(np.array([*_texts(raw, name)], object), shape, name)
    target = BY_NAME[kind].array
    if len(raw) != math.prod(shape) * target.itemsize:
        raise invalid(f"input {name!r} has {len(raw)} bytes, which is not its shape {list(shape)}")
    if kind == "BOOL":
        return shaped(np.frombuffer(raw, np.uint8) != 0, shape, name)
    return shaped(np.frombuffer(raw, target.newbyteorder("<")).astype(target), shape, name)


def _texts(raw: memoryview, name: str) -> Iterator[bytes]:
    """Each text after its length, four bytes."""
    at = 0
    while at < len(raw):
        (length,) = struct.unpack("<I", raw[at : at + 4]) if at + 4 <= len(raw) else (2**32,)
        if at + 4 + length > len(raw):
            raise invalid(f"input {name!r} ends within a text")
        yield bytes(raw[at + 4 : at + 4 + length])
        at += 4 + length


def shaped(values: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Raises: Declined: INVALID_ARGUMENT: another number of values."""
    if values.size != math.prod(shape):
        raise invalid(f"input {name!r} has {values.size} values, which is not {list(shape)}")
    return values.reshape(shape)


def to_raw(array: np.ndarray, kind: str) -> bytes:
    """Args: kind: the datatype of the array."""
    if kind != "BYTES":
        return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
    texts = [as_bytes(one) for one in array.ravel()]
    return b"".join(struct.pack("<I", len(one)) + one for one in texts)


def kind_of(array: np.ndarray) -> str:
    """The datatype of an array of a response. Raises: Declined: UNIMPLEMENTED."""
    return "BYTES" if array.dtype.kind in "OS" else datatype(array.dtype.name)


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
