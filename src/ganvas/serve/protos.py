"""TensorProto <-> NumPy array.

Responses have typed fields (`float_val`) as in TensorFlow Serving, because clients read these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from ..base import protobuf
from .status import invalid

MAX_BYTES = 2**26
"""Limit for a tensor of a request: 64 MB."""

MORE = 100
"""Names of wrong inputs that an error may list."""

STRING_BYTES = 64
"""Size of a short string as a Python object."""

_PACKED = {
    "float32": (5, "<f4"),
    "float64": (6, "<f8"),
}
"""Fields whose packed encoding equals the bytes of the array: field number, type."""


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
    return {alias: read(alias, proto, inputs[alias].dtype) for alias, proto in protos.items()}


def read(alias: str, proto: Any, dtype: int) -> np.ndarray:
    """Raises: Declined: INVALID_ARGUMENT: another type, damaged, or too large."""
    if proto.dtype != dtype:
        wanted, got = types_pb2.DataType.Name(dtype), proto.dtype
        name = types_pb2.DataType.Name(got) if got in types_pb2.DataType.values() else got
        raise invalid(f"input {alias} must be {wanted}, got {name}")
    sides = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or min(sides, default=0) < 0 or len(sides) > 16:
        raise invalid(f"tensor parsing error: {alias}")
    if math.prod(sides) * (tf.as_dtype(dtype).size or STRING_BYTES) > MAX_BYTES:
        raise invalid(f"input {alias} of shape {sides} is larger than {MAX_BYTES >> 20} MB")
    if dtype == types_pb2.DT_STRING and not proto.string_val:
        return np.full(sides, b"", object)  # where make_ndarray gives str
    try:
        return tf.make_ndarray(proto)
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid(f"tensor parsing error: {alias}") from error


def write(array: np.ndarray) -> Any:
    """An array as TensorProto, in typed fields."""
    dtype = tf.as_dtype(array.dtype) if array.dtype != object else tf.string
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for side in array.shape:
        proto.tensor_shape.dim.add(size=side)
    if array.dtype.name in _PACKED:
        number, form = _PACKED[array.dtype.name]
        content = np.ascontiguousarray(array, form).tobytes()
        # Packed floats are a tag, a length and the bytes of the array: no loop is needed.
        proto.MergeFromString(protobuf.field(number, content))
    elif dtype == tf.string:
        proto.string_val.extend(array.ravel().tolist())
    elif dtype == tf.bool:
        proto.bool_val.extend(array.ravel().tolist())
    elif dtype in (tf.int64, tf.uint64, tf.uint32):
        getattr(proto, f"{dtype.name}_val").extend(array.ravel().tolist())
    elif dtype in (tf.half, tf.bfloat16):
        proto.half_val.extend(array.ravel().view(np.uint16).tolist())
    elif dtype.is_integer:
        proto.int_val.extend(array.ravel().tolist())
    else:
        proto.tensor_content = array.tobytes()
    return proto
