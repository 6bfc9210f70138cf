"""JSON of predict requests and responses <-> NumPy arrays.

As in TensorFlow Serving (`util/json_tensor.cc` and its tests): rows and columns, {"b64": ...}, bare
NaN, and a number such as 1.0 is not an integer.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import orjson

from .dtypes import STRING, DType, dtype
from .status import Declined, invalid

MAX_RANK = 16
MAX_VALUES = 2**22
"""Limit for values of a response: as text they take 50 to 90 MB."""
MAX_LISTS = 2**18
"""Limit for lists and objects of a request: parsing millions holds Python's lock for seconds."""


def parse(body: bytes) -> dict[str, Any]:
    """The top-level object of a request; later bytes are ignored.

    Raises: Declined: INVALID_ARGUMENT: empty, not JSON, not an object, or nested too deeply.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    if body.count(b"[") + body.count(b"{") > MAX_LISTS:
        raise invalid(f"a request may hold {MAX_LISTS} lists and objects: send less, or use gRPC")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _parse_slowly(body)
    if not isinstance(value, dict):
        raise invalid(f"JSON Value: {_shown(value)} Is not object")
    name = value.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {_shown(value)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return value


def _parse_slowly(body: bytes) -> Any:
    """Accepts what only TensorFlow Serving accepts: NaN, Infinity, trailing bytes."""
    try:
        return json.JSONDecoder().raw_decode(body.decode("utf-8").lstrip(" \t\r\n"))[0]
    except RecursionError as error:
        raise invalid("JSON Parse error: nested too deeply") from error
    except ValueError as error:
        message = getattr(error, "msg", "Invalid value.")
        at = getattr(error, "pos", 0)
        raise invalid(f"JSON Parse error: {message} at offset: {at}") from error


def read_inputs(
    request: Mapping[str, Any], inputs: Mapping[str, Any]
) -> tuple[bool, dict[str, np.ndarray]]:
    """The arrays of a predict request.

    Args:
        inputs: TensorInfo by alias, as the signature declares.

    Returns: whether the request came in rows (`instances`), and the arrays.
    Raises: Declined: INVALID_ARGUMENT, or UNIMPLEMENTED for half-precision inputs.
    """
    if not inputs:
        name = request.get("signature_name") or "DEFAULT"
        raise invalid(f"Failed to get input map for signature: {name}")
    if "instances" in request and "inputs" in request:
        raise invalid(
            f"JSON Value: {_shown(request)} Not formatted correctly expecting only "
            "one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in request:
        return True, _read_rows(request["instances"], inputs)
    if "inputs" in request:
        return False, _read_columns(request["inputs"], inputs)
    raise invalid("Missing 'inputs' or 'instances' key")


def _read_rows(rows: Any, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(rows, list):
        raise invalid(f"JSON Value: {_shown(rows)} Excepting 'instances' to be an list/array")
    if not rows:
        raise invalid("JSON Value: [] No values in 'instances' array")
    named = _is_named(rows[0])
    if not named and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    for index, row in enumerate(rows):
        if _is_named(row) != named:
            want, got = ("object", "list") if named else ("value/list", "object")
            raise invalid(f"Expecting {want} but got {got} at item {index} of input list")
        if named and row.keys() != inputs.keys():
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{_shown(row)} must only have keys: {','.join(sorted(inputs))}"
            )
    try:
        if named:
            return {k: _array([row[k] for row in rows], v.dtype) for k, v in inputs.items()}
        ((alias, info),) = inputs.items()
        return {alias: _array(rows, info.dtype)}
    except Declined as error:
        if error.code != "INVALID_ARGUMENT":
            raise
        message = f"Failed to process element of 'instances' list. Error: {error.message}"
        raise invalid(message) from error


def _read_columns(columns: Any, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not _is_named(columns):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        ((alias, info),) = inputs.items()
        return {alias: _array(columns, info.dtype)}
    for alias in inputs:
        if alias not in columns:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
    return {alias: _array(columns[alias], info.dtype) for alias, info in inputs.items()}


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not _is_base64(value)


def _array(value: Any, number: int) -> np.ndarray:
    """A value or nested lists -> an array; lists of one depth must have one length."""
    shape: list[int] = []
    items = [value]
    while items and isinstance(items[0], list):
        size = len(items[0])
        for item in items:
            if not isinstance(item, list):
                raise invalid(f"JSON Value: {_shown(item)} found at incorrect level: {len(shape)}")
            if len(item) != size:
                raise invalid(
                    f"Encountered list at unexpected size: {len(item)} at level: {len(shape)} "
                    f"expected size: {size}"
                )
        shape.append(size)
        if len(shape) > MAX_RANK:
            raise invalid(f"JSON Value has more than {MAX_RANK} levels of lists")
        items = list(chain.from_iterable(items))
    return _values(items, dtype(number), len(shape)).reshape(shape)


def _values(items: list[Any], kind: DType, level: int) -> np.ndarray:
    """Leaves -> a flat array; only the types that the dtype accepts."""
    if kind is STRING:
        return np.array([_bytes(item, level) for item in items] or [], object)
    if kind.name in ("float16", "bfloat16") or not (
        kind.is_floating or kind.is_integer or kind.is_bool
    ):
        shown = _shown(items[0] if items else None)
        raise Declined("UNIMPLEMENTED", f"Conversion of JSON Value: {shown} to type: {kind.name}")
    accepted = {bool} if kind.is_bool else {int} if kind.is_integer else {int, float}
    if not set(map(type, items)) <= accepted:
        wrong = next(item for item in items if type(item) not in accepted)
        if isinstance(wrong, list):
            raise invalid(f"Encountered list at unexpected level: {level} expected < {level}")
        raise _type_error(wrong, kind)
    try:
        with np.errstate(over="ignore"):
            return np.array(items, kind.array)
    except OverflowError as error:
        raise _type_error(max(items, key=abs), kind) from error


def _bytes(item: Any, level: int) -> bytes:
    try:
        if isinstance(item, str):
            return item.encode("utf-8")
        if _is_base64(item):
            return base64.b64decode(item["b64"], validate=True)
    except binascii.Error as error:
        raise invalid("Unable to base64 decode") from error
    except UnicodeEncodeError as error:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid.") from error
    if isinstance(item, list):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {level}")
    if isinstance(item, dict):
        raise invalid(f"JSON Value: {_shown(item)} not formatted correctly for base64 data")
    raise _type_error(item, STRING)


def _type_error(value: Any, wanted: DType) -> Declined:
    kinds = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    kind = str(value) if isinstance(value, bool) else kinds.get(type(value), "Number")
    name = {"float32": "float", "float64": "double"}.get(wanted.name, wanted.name)
    return invalid(f"JSON Value: {_shown(value)} Type: {kind} is not of expected type: {name}")


def _shown(value: Any) -> str:
    """A value for an error message, truncated, because it comes from a client."""
    try:
        text = repr(value) if isinstance(value, int) else json.dumps(_start(value))
    except (ValueError, RecursionError):
        return "..."
    return text if len(text) <= 200 else text[:200] + "..."


def _start(value: Any, depth: int = 3) -> Any:
    """The first items of a value: only these are shown."""
    if isinstance(value, (list, dict)) and not depth:
        return "..."
    if isinstance(value, list):
        return [_start(item, depth - 1) for item in value[:20]]
    if isinstance(value, dict):
        return {key[:200]: _start(value[key], depth - 1) for key in islice(value, 20)}
    return value[:200] if isinstance(value, str) else value


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
        name = {"float16": "half"}.get(array.dtype.name, array.dtype.name)
        raise invalid(f"Failed to write JSON value for tensor type: {name}")
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
