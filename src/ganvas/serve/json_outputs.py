"""NumPy arrays -> JSON of predict responses, as in TensorFlow Serving (`util/json_tensor.cc`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from .dtypes import of_array
from .status import invalid

MAX_VALUES = 2**22
"""Limit for values of a response: as text they take 50 to 90 MB."""


def write_outputs(outputs: Mapping[str, np.ndarray], in_rows: bool) -> bytes:
    """The response: `predictions` for rows, `outputs` for columns.

    Raises: Declined: INVALID_ARGUMENT: outputs without rows, or a type that JSON does not have.
    """
    if in_rows:
        _check_rows(outputs)
    finite = all(_is_finite(array) for array in outputs.values())
    values = {alias: _plain(alias, array, finite) for alias, array in outputs.items()}
    if len(values) == 1:
        (content,) = values.values()
    elif in_rows:
        columns = zip(*values.values(), strict=True)
        content = [dict(zip(values, row, strict=True)) for row in columns]
    else:
        content = values
    answer = {"predictions" if in_rows else "outputs": content}
    if finite:
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(answer).encode()


def _check_rows(outputs: Mapping[str, np.ndarray]) -> None:
    rows = 0
    for alias, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {alias} has no shape information ")
        if len(array) < 1:
            raise invalid(f"Tensor name: {alias} has invalid batch size: {len(array)}")
        if rows not in (0, len(array)):
            raise invalid(
                f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {rows}"
            )
        rows = len(array)


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _plain(alias: str, array: np.ndarray, finite: bool) -> Any:
    """Values for orjson or json; float32 with the fewest digits that give the same number."""
    if array.dtype == object:
        as_bytes = alias.endswith("_bytes")
        texts = [_text(item, as_bytes) for item in array.ravel()]
        return _nested(texts, array.shape)
    if array.dtype.name in ("float16", "bfloat16") or array.dtype.kind not in "fiub":
        label = of_array(array).label
        raise invalid(f"Failed to write JSON value for tensor type: {label}")
    if array.ndim == 0 or not finite:
        numbers = [float(str(x)) if array.dtype.kind == "f" else x.item() for x in array.ravel()]
        return _nested(numbers, array.shape)
    return np.ascontiguousarray(array)


def _text(item: bytes, as_bytes: bool) -> Any:
    if as_bytes:
        return {"b64": base64.b64encode(item).decode()}
    return item.decode("utf-8", "replace")


def _nested(flat: list[Any], shape: tuple[int, ...]) -> Any:
    box = np.empty(len(flat), object)
    box[:] = flat
    return box.reshape(shape).tolist()
