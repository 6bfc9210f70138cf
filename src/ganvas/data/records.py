"""Shards: TFRecord files of images and labels, and the index beside them. Needs no TensorFlow.

A record is a `tf.train.Example` with the features `image`, the pixels, and `label`: any TensorFlow
program can read it.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import math
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from ganvas.base.files import inside, read_object, replacing
from ganvas.base.protobuf import field, varint
from ganvas.data.listing import Listing
from ganvas.errors import DataError
from ganvas.storage.manifest import sha256
from ganvas.storage.run import UNREADABLE

from ..base.files import write_json

FORMAT = 2
AGAIN = "copy it again, or prepare the images again"
INDEX, ARRAYS = "index.json", "index.npz"
FRAME_HEAD, FRAME_TAIL = 12, 4  # bytes a TFRecord puts around each record


class Packed(NamedTuple):
    """A shard: begin and end of each record, int64 [N, 2]; their CRC, uint32 [N]; the file's size
    in bytes and its sha256."""

    offsets: np.ndarray
    checks: np.ndarray
    bytes: int
    sha256: str


def shard_name(number: int) -> str:
    return f"{number:05d}.tfrecord"


def shard_rows(shape: tuple[int, int, int], limit: int) -> int:
    """Images of a shape in a shard of `limit` bytes; at least one."""
    frame = len(_record(bytes(math.prod(shape)), 0)) + FRAME_HEAD + FRAME_TAIL
    return max(1, limit // frame)


def write_shard(path: Path, pictures: Iterable[tuple[np.ndarray, int]]) -> Packed:
    """Write (uint8 [H, W, C], label) in order; the file appears when it is complete."""
    offsets, checks, position = array("q"), array("I"), 0  # smaller than lists
    digest = hashlib.sha256()
    with replacing(path) as file:
        for image, label in pictures:
            record = _record(image.tobytes(), label)
            size = struct.pack("<Q", len(record))
            framed = b"".join((size, _check(size), record, _check(record)))
            file.write(framed)
            digest.update(framed)
            checks.append(zlib.crc32(record))
            offsets.extend((position, position + len(framed)))
            position += len(framed)
    places = np.array(offsets, np.int64).reshape(-1, 2)
    return Packed(places, np.array(checks, np.uint32), position, digest.hexdigest())


def write_index(
    folder: Path, listing: Listing, order: np.ndarray, packed: Sequence[Packed]
) -> None:
    """Write the index of the shards; `index.json` last.

    Args:
        order: the rows of `listing` in the order of the shards, int64 [N].
    """
    counts = [len(one.checks) for one in packed]
    with replacing(folder / ARRAYS) as file:
        np.savez(
            file,
            hash=listing.hashes[order], label=listing.labels[order],
            shard=np.repeat(np.arange(len(packed)), counts),
            offset=np.concatenate([one.offsets for one in packed]),
            crc=np.concatenate([one.checks for one in packed]),
        )  # fmt: skip
    index = {
        "format": FORMAT,
        "count": len(order),
        "shape": list(listing.shape),
        "classes": listing.classes,
        "names": list(listing.names),
        "class_counts": list(listing.class_counts),
        "fingerprint": listing.fingerprint,
        "shards": [
            {"file": shard_name(i), "count": count, "bytes": one.bytes, "sha256": one.sha256}
            for i, (count, one) in enumerate(zip(counts, packed, strict=True))
        ],
        "report": listing.report.to_dict(),
    }
    write_json(folder / INDEX, index)


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a folder; empty if there is none that this version can read."""
    with contextlib.suppress(OSError, ValueError):
        index = read_object(folder / INDEX)
        if index.get("format") == FORMAT:
            return index if {"shards", "fingerprint"} <= index.keys() else {}
    return {}


def is_whole(folder: Path) -> bool:
    """Whether all files of a folder's index exist and are correct. Reads all of them: a damaged
    shard may have the correct size."""
    index = read_index(folder)
    try:
        with zipfile.ZipFile(folder / ARRAYS) as arrays:
            if not index or arrays.testzip():
                return False
        return all(sha256(inside(folder, one["file"])) == one["sha256"] for one in index["shards"])
    except UNREADABLE:
        return False


def settle(packed: Path, folder: Path) -> None:
    """Move packed images to their folder: by rename, if it is empty or missing.

    If the folder has lost files, only these are replaced, the index last.

    Raises: DataError: the folder's index names other shards.
    """
    if not folder.exists() or not any(folder.iterdir()):
        if folder.exists():
            folder.rmdir()
        packed.rename(folder)
        return
    before, after = read_index(folder), read_index(packed)
    if before and before["shards"] != after["shards"]:
        raise DataError(
            f"{folder} has missing or damaged files, and its source images have changed (some may "
            "be unreadable): restore the images, or choose another folder"
        )
    for path in sorted(packed.iterdir(), key=lambda path: path.name == INDEX):
        place = folder / path.name
        if not (place.is_file() and filecmp.cmp(path, place, shallow=False)):
            path.replace(place)


def _record(image: bytes, label: int) -> bytes:
    """A serialised `tf.train.Example`, with its features sorted by name."""
    pixels = field(1, field(1, image))  # a feature's bytes_list
    number = field(3, field(1, varint(label)))  # its int64_list, packed
    entries = (("image", pixels), ("label", number))
    return field(1, b"".join(field(1, field(1, k.encode()) + field(2, v)) for k, v in entries))


def _check(content: bytes) -> bytes:
    """The masked CRC-32C of a TFRecord."""
    crc = google_crc32c.value(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
