"""TensorProto <-> NumPy array.

Responses have typed fields (`float_val`) as in TensorFlow Serving, because clients read these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base import protobuf
from .dtypes import STRING, DType, dtype, of_array
from .messages import TensorProto
from .status import invalid

MAX_BYTES = 2**26
"""Limit for a tensor of a request, and for the response of a model that draws no images: 64 MB."""

MORE = 100
"""Names of wrong inputs that an error may list."""

_PACKED = {
    "float32": (5, "<f4"),
    "float64": (6, "<f8"),
}
"""Fields whose packed encoding equals the bytes of the array: field number, type."""

_FIELDS = {
    "float32": "float_val", "float64": "double_val", "bool": "bool_val", "int64": "int64_val",
    "uint32": "uint32_val", "uint64": "uint64_val",
    **dict.fromkeys(("int8", "int16", "int32", "uint8", "uint16"), "int_val"),
}  # fmt: skip
"""Fields of the values of a type."""

_PAIRS = {"complex64": ("scomplex_val", np.float32), "complex128": ("dcomplex_val", np.float64)}
"""Fields of real and imaginary parts, in turn."""


def read_all(protos: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a request.

    Args:
        inputs: TensorInfo by alias, as the signature declares.

    Raises: Declined: INVALID_ARGUMENT: names, types or shapes that do not fit.
    """
    if len(protos) > len(inputs) + MORE:
        raise invalid(f"input size does not match signature: {len(protos)}!={len(inputs)}")
    if set(protos) != set(inputs):
        sent, wanted = sorted(protos), sorted(inputs)
        if len(sent) == len(wanted):
            raise invalid(
                "Inputs contains invalid name. Used request inputs: "
                f"{','.join(sorted(set(sent) & set(wanted)))}, request input: {','.join(sent)}"
            )
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({{{','.join(sent)}}}) != len({{{','.join(wanted)}}}). Sent extra: "
            f"{{{','.join(sorted(set(sent) - set(wanted)))}}}. Missing but required: "
            f"{{{','.join(sorted(set(wanted) - set(sent)))}}}."
        )
    for index, (alias, info) in enumerate(inputs.items()):
        if protos[alias].dtype != info.dtype:
            want, got = dtype(info.dtype).label, dtype(protos[alias].dtype).label
            raise invalid(f"Expects arg[{index}] to be {want} but {got} is provided ({alias})")
    return {alias: _read(alias, proto) for alias, proto in protos.items()}


def _read(alias: str, proto: Any) -> np.ndarray:
    """Raises: Declined: INVALID_ARGUMENT: damaged, or too large."""
    sides = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(sides, default=0) < 0 or len(sides) > 16:
        raise invalid(f"tensor parsing error: {alias}")
    kind = dtype(proto.dtype)
    try:
        if math.prod(sides) * kind.size > MAX_BYTES:
            raise invalid(f"input {alias} of shape {sides} is larger than {MAX_BYTES >> 20} MB")
        return _values(proto, kind, math.prod(sides)).reshape(sides)
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid(f"tensor parsing error: {alias}") from error


def to_array(proto: Any) -> np.ndarray:
    """The array of a TensorProto. Raises: ValueError: it is damaged."""
    sides = [dim.size for dim in proto.tensor_shape.dim]
    return _values(proto, dtype(proto.dtype), math.prod(sides)).reshape(sides)


def _values(proto: Any, kind: DType, count: int) -> np.ndarray:
    """The values of a TensorProto, flat: raw bytes or a typed field, whose last value stands for
    those that are missing, as in TensorFlow."""
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, kind.array).copy()
    if kind is STRING:
        texts = list(proto.string_val)
        values = np.empty(max(count, len(texts)), object)
        values[:] = texts + [texts[-1] if texts else b""] * (count - len(texts))
        return values
    if kind.name in ("float16", "bfloat16"):
        values = np.fromiter(proto.half_val, np.uint16).view(kind.array)
    elif kind.name in _FIELDS:
        values = np.fromiter(getattr(proto, _FIELDS[kind.name]), kind.array)
    elif kind.name in _PAIRS:
        field, part = _PAIRS[kind.name]
        parts = np.fromiter(getattr(proto, field), part)
        values = parts[: len(parts) // 2 * 2].view(kind.array)
    else:
        raise TypeError(f"{kind.name} has no values")
    if not values.size:
        return np.zeros(count, kind.array)
    return np.pad(values, (0, max(0, count - values.size)), "edge")


def write(array: np.ndarray) -> Any:
    """An array as TensorProto, in typed fields."""
    kind = of_array(array)
    proto = TensorProto(dtype=kind.number)
    for side in array.shape:
        proto.tensor_shape.dim.add(size=side)
    if array.dtype.name in _PACKED:
        number, form = _PACKED[array.dtype.name]
        content = np.ascontiguousarray(array, form).tobytes()
        # Packed floats are a tag, a length and the bytes of the array: no loop is needed.
        proto.MergeFromString(protobuf.field(number, content))
    elif kind is STRING:
        proto.string_val.extend(array.ravel().tolist())
    elif kind.name in ("float16", "bfloat16"):
        proto.half_val.extend(array.ravel().view(np.uint16).tolist())
    elif kind.name in _FIELDS:
        getattr(proto, _FIELDS[kind.name]).extend(array.ravel().tolist())
    else:
        proto.tensor_content = array.tobytes()
    return proto
