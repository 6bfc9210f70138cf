"""Packing images into shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.base.files import filling
from ganvas.data.listing import Listing
from ganvas.data.options import Options
from ganvas.data.records import (
    is_whole,
    read_index,
    settle,
    shard_name,
    shard_rows,
    write_index,
    write_shard,
)
from ganvas.data.rows import Rows
from ganvas.data.sources import called, load
from ganvas.errors import DataError
from ganvas.storage import remote

_TAKEN = (
    "{} is not empty and was not made from these images with these options: choose another --to"
)


def prepare(
    data: Any,
    folder: str | Path,
    options: Options | None = None,
    shard_mb: int = 256,
    progress: Callable[[int, int], None] | None = None,
    announce: Callable[[Listing], None] | None = None,
) -> Path | str:
    """Check images and pack them into sharded TFRecords, in the order of their content hash.

    Args:
        data: anything that `load` takes.
        folder: made by rename when it is complete. A folder on a disk that already holds these
            images is not changed, and files that it has lost are made again. At an address such as
            gs://B/SET, index.json is uploaded last, and nothing is read without it.
        options: size, channels, fit and labels are used; the others are set for training.
        shard_mb: size of a shard, in MiB.
        progress: called with (number of images done, number of all images).
        announce: called with the images when they are checked, before they are packed.

    Raises: DataError: the target holds other files, or `load` refuses the images.
    """
    if address := remote.address(remote.writable(folder)):
        return _prepare_there(data, address, options, shard_mb, progress, announce)
    folder = remote.path(folder)
    index = read_index(folder)
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and not index:
        raise DataError(_TAKEN.format(folder))
    plain = replace(options or Options(), holdout=0.0, flip=False, shift=0.0, zoom=0.0, jitter=0.0)
    source = load(data, plain)
    if announce:
        announce(source)
    if not isinstance(source, Rows):
        raise DataError(f"{called(data)} is packed already: train on it as it is")
    shards = _shards(source, shard_mb * 2**20)
    if index and not _same(index, source, shards):
        raise DataError(_TAKEN.format(folder))
    if index and is_whole(folder):
        return folder
    with filling(folder, settle) as part:
        _write(source, part, shards, progress)
    return folder


def _prepare_there(data: Any, address: str, options: Options | None, *more: Any) -> str:
    """Pack into a local folder, and upload it."""
    store = remote.Store(address)
    # An interrupted upload left shards, which are now replaced.
    if foreign := [n for n in store.files() if not n.endswith((".tfrecord", "index.npz"))]:
        raise DataError(f"{address} is not empty ({foreign[0]}): choose another one to pack to")
    part = remote.temporary(address)
    prepare(data, part, options, *more)
    store.publish(part, last="index.json")
    return address


def _shards(source: Rows, limit: int) -> list[np.ndarray]:
    """The rows of each shard."""
    order = np.argsort(source.hashes, kind="stable")
    per_shard = shard_rows(source.shape, limit)
    return np.split(order, range(per_shard, len(order), per_shard))


def _same(index: dict[str, Any], source: Rows, shards: list[np.ndarray]) -> bool:
    """Whether an index is of these images, in the same form and with the same shards."""
    counts = [shard["count"] for shard in index["shards"]]
    return index["fingerprint"] == source.fingerprint and counts == [*map(len, shards)]


def _write(source: Rows, part: Path, shards: list[np.ndarray], progress: Any) -> None:
    order, per_shard = np.concatenate(shards), len(shards[0])
    packed = []
    for number, rows in enumerate(shards):

        def pictures(
            rows: np.ndarray = rows, first: int = number * per_shard
        ) -> Iterator[tuple[np.ndarray, int]]:
            for i, row in enumerate(rows):
                if progress and (first + i) % 1000 == 0:
                    progress(first + i, len(order))
                yield source.pixels(rows[i : i + 1])[0], int(source.labels[row])

        packed.append(write_shard(part / shard_name(number), pictures()))
    write_index(part, source, order, packed)
