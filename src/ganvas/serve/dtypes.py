"""TensorFlow's types of tensors, without TensorFlow: number in the protocol, name, NumPy type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .definitions import TYPES

STRING_BYTES = 64
"""Size of a short string as a Python object."""
_NAMES = {"FLOAT": "float32", "DOUBLE": "float64", "HALF": "float16"}


@dataclass(frozen=True)
class DType:
    """A type of tensors.

    Attributes:
        number: of tensorflow.DataType.
        name: as in NumPy and TensorFlow, such as "float32" or "string".
    """

    number: int
    name: str

    @cached_property
    def array(self) -> np.dtype[Any]:
        """Of NumPy; strings are objects. Raises: TypeError: NumPy has no such type; bfloat16 is
        known if TensorFlow has been imported."""
        return np.dtype(object if self.name == "string" else self.name)

    @property
    def label(self) -> str:
        """As in TensorFlow's messages: "float", "half"."""
        known = 0 <= self.number < len(TYPES)
        return TYPES[self.number].lower() if known else f"unknown dtype enum ({self.number})"

    @property
    def size(self) -> int:
        """Bytes of a value in memory. Raises: TypeError: NumPy has no such type."""
        return STRING_BYTES if self.name == "string" else self.array.itemsize

    @property
    def is_bool(self) -> bool:
        return self.name == "bool"

    @property
    def is_integer(self) -> bool:
        return self.name in _INTEGERS

    @property
    def is_floating(self) -> bool:
        return self.name in ("float16", "bfloat16", "float32", "float64")


_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
DTYPES = {number: DType(number, _NAMES.get(n, n.lower())) for number, n in enumerate(TYPES)}
_BY_NAME = {one.name: one for one in DTYPES.values()}
STRING = _BY_NAME["string"]


def dtype(number: int) -> DType:
    """The type of this number; of an unknown number, a type that NumPy does not have."""
    return DTYPES.get(number) or DType(number, f"type {number}")


def named(name: str) -> DType:
    """The type of this name. Raises: KeyError."""
    return _BY_NAME[name]


def of_array(array: np.ndarray) -> DType:
    """The type of an array of a response. Raises: KeyError: TensorFlow has no such type."""
    return STRING if array.dtype.kind in "OSU" else _BY_NAME[array.dtype.name]
