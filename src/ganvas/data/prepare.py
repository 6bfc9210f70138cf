"""Packing images into shards."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ganvas import remote
from ganvas.data.base import Options
from ganvas.data.rows import Rows
from ganvas.data.shards import _FRAME_HEAD, _FRAME_TAIL, FORMAT
from ganvas.data.sources import load
from ganvas.errors import DataError
from ganvas.files import disk_errors


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
    frame = len(_record(source.pixels(order[:1])[0], 0)) + _FRAME_HEAD + _FRAME_TAIL
    per_shard = max(1, limit // frame)
    shard_of = np.arange(len(order)) // per_shard
    offsets, shards = np.zeros((len(order), 2), np.int64), []
    checks = np.zeros(len(order), np.uint32)
    for number in range(int(shard_of[-1]) + 1):
        name = f"{number:05d}.tfrecord"
        rows = order[shard_of == number]
        position = 0
        with tf.io.TFRecordWriter(str(part / name)) as writer:
            for i, row in enumerate(rows, number * per_shard):
                record = _record(source.pixels(order[i : i + 1])[0], int(source.labels[row]))
                writer.write(record)
                checks[i] = zlib.crc32(record)
                end = position + len(record) + _FRAME_HEAD + _FRAME_TAIL
                offsets[i], position = (position, end), end
                if progress and i % 1000 == 0:
                    progress(i, len(order))
        with (part / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        shards.append({"file": name, "count": len(rows), "bytes": position, "sha256": digest})
    np.savez(
        part / "index.npz",
        hash=source.hashes[order], label=source.labels[order], shard=shard_of, offset=offsets,
        crc=checks,
    )  # fmt: skip
    index = {
        "format": FORMAT,
        "count": len(order),
        "shape": list(source.shape),
        "classes": source.classes,
        "names": list(source.names),
        "class_counts": list(source.class_counts),
        "fingerprint": source.fingerprint,
        "shards": shards,
        "report": source.report.to_dict(),
    }
    (part / "index.json").write_text(json.dumps(index, indent=2))


def _record(image: np.ndarray, label: int) -> bytes:
    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
