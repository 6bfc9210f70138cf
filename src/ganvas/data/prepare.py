"""Packing images into shards."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ganvas import remote
from ganvas.data.base import Images, Options
from ganvas.data.rows import Rows
from ganvas.data.shards import _FRAME_HEAD, _FRAME_TAIL, FORMAT
from ganvas.data.sources import load
from ganvas.errors import DataError
from ganvas.files import disk_errors, replacing


def prepare(
    data: Any,
    folder: str | Path,
    options: Options | None = None,
    shard_mb: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> Path | str:
    """Check images and pack them into sharded TFRecords, in the order of their content hash.

    Args:
        data: anything that `load` takes.
        folder: made by rename once everything is in it. At an address such as gs://B/SET,
            index.json comes last, and nothing is read without it.
        options: size, channels, fit and labels count; the rest is chosen when training.
        shard_mb: size of a shard, in MiB.
        progress: called with (images done, images in all).

    Raises: DataError: the target exists and is not empty, or what `load` refuses.
    """
    if address := remote.address(folder):
        return _prepare_there(data, address, options, shard_mb, progress)
    folder = remote.path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is not an empty folder: choose another one to pack into")
    plain = replace(options or Options(), holdout=0.0, flip=False, shift=0.0, zoom=0.0, jitter=0.0)
    source = load(data, plain)
    if not isinstance(source, Rows):
        raise DataError(f"{data} is packed already: train on it as it is")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    with disk_errors(folder):
        part.mkdir(parents=True)
    try:
        with disk_errors(folder):
            _write(source, part, shard_mb * 2**20, progress)
            if folder.exists():
                folder.rmdir()
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _prepare_there(data: Any, address: str, options: Options | None, *more: Any) -> str:
    """Pack in a folder of this machine, and send it."""
    store = remote.Store(address)
    # A sending that was cut off left shards behind, which this one writes again.
    if foreign := [n for n in store.files() if not n.endswith((".tfrecord", "index.npz"))]:
        raise DataError(f"{address} is not empty ({foreign[0]}): choose another one to pack to")
    part = remote.temporary(address)
    prepare(data, part, options, *more)
    store.publish(part, last="index.json")
    return address


def _write(source: Rows, part: Path, limit: int, progress) -> None:
    order = np.argsort(source.hashes, kind="stable")
    per_shard = shard_rows(source.shape, limit)
    packed = []
    for number in range(-(-len(order) // per_shard)):
        rows = order[number * per_shard : (number + 1) * per_shard]

        def pictures(rows=rows, first=number * per_shard):
            for i, row in enumerate(rows):
                if progress and (first + i) % 1000 == 0:
                    progress(first + i, len(order))
                yield source.pixels(rows[i : i + 1])[0], int(source.labels[row])

        packed.append(write_shard(part / shard_name(number), pictures()))
    write_index(part, source, order, packed)


class Packed(NamedTuple):
    """A shard: where each record begins and ends, int64 [N, 2]; its CRC, uint32 [N]; the file's
    bytes and sha256."""

    offsets: np.ndarray
    checks: np.ndarray
    bytes: int
    sha256: str


def shard_name(number: int) -> str:
    return f"{number:05d}.tfrecord"


def shard_rows(shape: tuple[int, int, int], limit: int) -> int:
    """Images of a shape in a shard of `limit` bytes; at least one."""
    frame = len(_record(np.zeros(shape, np.uint8), 0)) + _FRAME_HEAD + _FRAME_TAIL
    return max(1, limit // frame)


def write_shard(path: Path, pictures: Iterable[tuple[np.ndarray, int]]) -> Packed:
    """Write (uint8 [H, W, C], label) one after the other; the file appears when it is whole."""
    part = path.with_name(f".{path.name}.part")
    offsets, checks, position = [], [], 0
    with tf.io.TFRecordWriter(str(part)) as writer:
        for image, label in pictures:
            record = _record(image, label)
            writer.write(record)
            checks.append(zlib.crc32(record))
            end = position + len(record) + _FRAME_HEAD + _FRAME_TAIL
            offsets.append((position, end))
            position = end
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    part.replace(path)
    return Packed(np.array(offsets, np.int64), np.array(checks, np.uint32), position, digest)


def write_index(folder: Path, source: Images, order: np.ndarray, packed: Sequence[Packed]) -> None:
    """Write what makes shards readable as images; last, `index.json`.

    Args:
        order: the rows of `source` as they lie in the shards, int64 [N].
    """
    counts = [len(one.checks) for one in packed]
    with replacing(folder / "index.npz") as file:
        np.savez(
            file,
            hash=source.hashes[order], label=source.labels[order],
            shard=np.repeat(np.arange(len(packed)), counts),
            offset=np.concatenate([one.offsets for one in packed]),
            crc=np.concatenate([one.checks for one in packed]),
        )  # fmt: skip
    index = {
        "format": FORMAT,
        "count": len(order),
        "shape": list(source.shape),
        "classes": source.classes,
        "names": list(source.names),
        "class_counts": list(source.class_counts),
        "fingerprint": source.fingerprint,
        "shards": [
            {"file": shard_name(i), "count": count, "bytes": one.bytes, "sha256": one.sha256}
            for i, (count, one) in enumerate(zip(counts, packed, strict=True))
        ],
        "report": source.report.to_dict(),
    }
    with replacing(folder / "index.json") as file:
        file.write(json.dumps(index, indent=2).encode())


def _record(image: np.ndarray, label: int) -> bytes:
    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)  # else by the order of a hash table
