"""JSON of predict requests -> NumPy arrays; `json_outputs` writes the responses.

As in TensorFlow Serving (`util/json_tensor.cc` and its tests): rows and columns, {"b64": ...}, bare
NaN, and a number such as 1.0 is not an integer.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import orjson

from .dtypes import STRING, DType, dtype
from .status import Declined, invalid

MAX_RANK = 16
PIECE = 1000
"""Rows that are looked at together."""
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
    try:
        return _of_rows(rows, inputs, named)
    except Declined:
        _raise_first(rows, inputs, named)
        raise


def _of_rows(rows: list[Any], inputs: Mapping[str, Any], named: bool) -> dict[str, np.ndarray]:
    """The arrays of rows. Raises: Declined, with a message that names no row."""
    if any(_is_named(row) != named for row in rows):
        raise invalid("rows of two kinds")
    if named:
        if any(row.keys() != inputs.keys() for row in rows):
            raise invalid("rows with other keys")
        return {k: _array([row[k] for row in rows], v.dtype) for k, v in inputs.items()}
    ((alias, info),) = inputs.items()
    return {alias: _array(rows, info.dtype)}


def _raise_first(rows: list[Any], inputs: Mapping[str, Any], named: bool) -> None:
    """Raises: Declined: the fault of the first row that has one. Rows are looked at one by one
    only within the first piece that has a fault: a request may hold millions."""
    shapes: dict[str, tuple[int, ...]] = {}
    _check_row(0, rows[0], inputs, named, shapes)
    for start in range(0, len(rows), PIECE):
        piece = rows[start : start + PIECE]
        try:
            _of_rows([rows[0], *piece], inputs, named)
        except Declined:
            for index, row in enumerate(piece, start):
                _check_row(index, row, inputs, named, shapes)


def _check_row(
    index: int,
    row: Any,
    inputs: Mapping[str, Any],
    named: bool,
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Args: shapes: of the inputs in earlier rows. Raises: Declined: INVALID_ARGUMENT."""
    if _is_named(row) != named:
        want, got = ("object", "list") if named else ("value/list", "object")
        raise invalid(f"Expecting {want} but got {got} at item {index} of input list")
    for name, value in row.items() if named else ((next(iter(inputs)), row),):
        try:
            if name not in inputs:
                raise invalid(f"JSON object: does not have named input: {name[:200]}")
            array = _array(value, inputs[name].dtype)
            wanted = shapes.setdefault(name, array.shape)
            if array.size != math.prod(wanted):
                raise invalid(f"Expecting tensor size: {math.prod(wanted)} but got: {array.size}")
            if array.shape != wanted:
                sides = [",".join(map(str, one)) for one in (wanted, array.shape)]
                raise invalid(f"Expecting shape [{sides[0]}] but got: [{sides[1]}]")
        except Declined as error:
            key = f" key: {name[:200]}" if named else ""
            raise invalid(
                f"Failed to process element: {index}{key} of 'instances' list. Error: "
                f"{error.code}: {error.message}"
            ) from error
    if named and row.keys() != inputs.keys():
        raise invalid(
            f"Failed to process element: {index} of 'instances' list. JSON object: "
            f"{_shown(row)} keys must be equal to: {','.join(sorted(inputs))}"
        )


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
                raise invalid(
                    f"JSON Value: {_shown(item)} found at incorrect level: {len(shape) + 1} in the "
                    f"JSON DOM. Expected at level: {_rank(value)}"
                )
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


def _rank(value: Any) -> int:
    """Levels of lists, by the first of each."""
    rank = 0
    while isinstance(value, list):
        value, rank = value[0] if value else None, rank + 1
    return rank


def _values(items: list[Any], kind: DType, level: int) -> np.ndarray:
    """Leaves -> a flat array; only the types that the dtype accepts."""
    if kind is STRING:
        return np.array([_bytes(item, level) for item in items] or [], object)
    if kind.name in ("float16", "bfloat16") or not (
        kind.is_floating or kind.is_integer or kind.is_bool
    ):
        shown = _shown(items[0] if items else None)
        raise Declined("UNIMPLEMENTED", f"Conversion of JSON Value: {shown} to type: {kind.label}")
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
    return invalid(
        f"JSON Value: {_shown(value)} Type: {kind} is not of expected type: {wanted.label}"
    )


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
