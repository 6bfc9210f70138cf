"""The index of packed images, as it is read: somebody else may have written it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.lib.npyio import NpzFile
from pydantic import Field, TypeAdapter

from ganvas.data.findings import Report

_Side = Annotated[int, Field(gt=0, le=2**15)]


@dataclass(frozen=True)
class Shard:
    """A shard; its size in bytes."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """What is used of index.json."""

    count: Annotated[int, Field(gt=0)]
    shape: tuple[_Side, _Side, Annotated[int, Field(gt=0, le=4)]]
    names: list[str]
    shards: list[Shard]
    report: Report


_INDEX = TypeAdapter(Index)


def parse(values: dict[str, Any]) -> Index:
    """Raises: ValueError: a value is missing, or of another type."""
    return _INDEX.validate_python(values)


def check_arrays(arrays: NpzFile, index: Index) -> None:
    """Raises: ValueError, KeyError: arrays of another form, or places that are in no shard."""
    for name, form in {"hash": (), "label": (), "shard": (), "offset": (2,), "crc": ()}.items():
        if arrays[name].dtype.kind not in "iu" or arrays[name].shape != (index.count, *form):
            raise ValueError(name)
    labels, shards = arrays["label"], arrays["shard"]
    sizes = np.array([shard.bytes for shard in index.shards])
    for numbers, most in ((labels, max(1, len(index.names))), (shards, len(sizes))):
        if numbers.min() < 0 or numbers.max() >= most:
            raise ValueError("label, shard")
    begin, end = arrays["offset"].T
    if not ((begin >= 0) & (begin <= end) & (end <= sizes[shards])).all():
        raise ValueError("offset")
