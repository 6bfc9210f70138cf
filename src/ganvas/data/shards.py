"""Images packed by `prepare`: sharded TFRecords, read in blocks, with constant memory.

Records are in the order of their content hash, which mixes classes and puts the held-out images
first. An epoch goes through blocks of neighbouring records in a random order, a group of blocks
at a time, and shuffles within the group: reads are large, memory is small, and training can start
at any k.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ganvas.base.arrays import open_npz
from ganvas.base.files import parse_object
from ganvas.base.types import Tensor
from ganvas.data.base import Images, _map
from ganvas.data.findings import Report
from ganvas.data.index import Shard, check_arrays, parse
from ganvas.data.options import Options
from ganvas.data.records import AGAIN, ARRAYS, FORMAT, FRAME_HEAD, FRAME_TAIL, INDEX
from ganvas.errors import DataError, UsageError
from ganvas.images import Levels
from ganvas.storage.remote import Store
from ganvas.storage.run import UNREADABLE

_BLOCK_BYTES = 2 * 2**20
_GROUP_BYTES = 32 * 2**20
_VERIFY_BYTES = 8 * 2**30
_AT_ONCE = 8  # reads of a remote store
_FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
}


def is_prepared(folder: Path) -> bool:
    """Whether `prepare` made this folder."""
    return (folder / INDEX).is_file() and (folder / ARRAYS).is_file()


@cache
def _store_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, "ganvas-remote")


class Folder:
    """The files of packed images on a disk; `remote.Store` is the same for an address."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self._folder = folder

    def sizes(self) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in self._folder.iterdir()}

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        with (self._folder / name).open("rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(end - start)

    def sha256(self, name: str) -> str:
        with (self._folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Shards(Images):
    """A folder made by `prepare`, or an address that it was uploaded to: from an address, ranges of
    shards are read, and no copy is kept.

    Raises: DataError: a shard is missing or damaged (it is named), or another size is requested.
    """

    def __init__(self, folder: Path | str, options: Options) -> None:
        store = Folder(folder) if isinstance(folder, Path) else Store(folder)
        with _whole(store, INDEX):
            found = parse_object(store.read(INDEX))
        if found.get("format") != FORMAT:
            raise DataError(
                f"{folder} has format {found.get('format')}; {FORMAT} is needed: prepare the "
                "images again"
            )
        with _whole(store, INDEX):
            index = parse(found)
        if options.balanced:
            raise DataError(
                "data.balanced does not work with shards: give the folder or file from which "
                f"{folder} was made, or set data.balanced=false"
            )
        self._store, self._shards = store, index.shards
        shape = index.shape
        if options.sides not in (None, shape[:2]) or options.channels not in (None, shape[2]):
            raise DataError(
                f"{folder} contains images of {'x'.join(map(str, shape))}, but another size or "
                "number of channels is requested: omit it, or prepare the images again"
            )
        _verify(store, self._shards)
        with (
            _whole(store, ARRAYS),
            open_npz(io.BytesIO(store.read(ARRAYS))) as arrays,
        ):
            check_arrays(arrays, index)
            self._shard, self._offset = arrays["shard"], arrays["offset"]
            self._crc = arrays["crc"]
            hashes, labels = arrays["hash"], arrays["label"]
        names = tuple(index.names) if options.labels else ()
        options = replace(options, levels=_levels(folder, index.report, options))
        super().__init__(shape, hashes, labels.astype(np.int32), names, options, index.report)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Pixels of neighbouring rows: uint8 [len(rows), H, W, C], in one read per shard."""
        records = []
        for shard in np.unique(self._shard[rows]):
            some = rows[self._shard[rows] == shard]
            begins, ends = self._offset[some, 0], self._offset[some, 1]
            name = self._shards[int(shard)].file
            path = f"{self._store.address}/{name}"
            try:
                content = self._store.read(name, int(begins[0]), int(ends[-1]))
            except OSError as error:
                raise DataError(
                    f"shard {path} cannot be read ({error.strerror or error}): {AGAIN}"
                ) from error
            except UsageError as error:
                raise DataError(str(error)) from error
            for row, begin, end in zip(some, begins - begins[0], ends - begins[0], strict=True):
                record = content[begin + FRAME_HEAD : end - FRAME_TAIL]
                if zlib.crc32(record) != self._crc[row]:
                    raise DataError(f"shard {path} is corrupt (checksum mismatch): {AGAIN}")
                records.append(record)
        try:
            raw = tf.io.parse_example(records, _FEATURES)["image"]
            return tf.reshape(tf.io.decode_raw(raw, tf.uint8), (len(rows), *self.shape)).numpy()
        except tf.errors.InvalidArgumentError as error:
            raise DataError(
                f"records of {self._store.address} are not images of {self.shape}: {AGAIN}"
            ) from error

    def _pieces(self, seed: int, start: int, size: int, kept: np.ndarray) -> tf.data.Dataset:
        order = _Order(self, seed)
        first, skip = order.locate(start)

        def group(number: Any) -> tuple[np.ndarray, np.ndarray]:
            rows = order.rows(int(number))[skip if number == first else 0 :]
            return self.pixels(rows), self.labels[rows]

        def load(number: Tensor) -> tuple[Tensor, ...]:
            images, labels = tf.numpy_function(group, [number], (tf.uint8, tf.int32))
            return tf.ensure_shape(images, (None, *self.shape)), tf.ensure_shape(labels, (None,))

        groups = _map_one(tf.data.Dataset.counter(first), load).prefetch(1)
        pieces = groups.rebatch(size, drop_remainder=True)
        firsts = tf.data.Dataset.counter(start, size)

        def keep(first: Tensor, piece: Tensor) -> tuple[Tensor, ...]:
            # Neighbours in a shard are read together, also those of other workers.
            return first + tf.constant(kept, tf.int64), *(tf.gather(x, kept) for x in piece)

        return tf.data.Dataset.zip(firsts, pieces).map(keep)

    def pixels(self, rows: np.ndarray) -> np.ndarray:
        """Pixels of rows in any order; neighbours are read together."""
        ascending = np.argsort(rows)
        ordered = rows[ascending]
        runs = np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1)
        pixels = np.empty((len(rows), *self.shape), np.uint8)
        # A remote store is slow, but accepts parallel requests.
        many = map if isinstance(self._store, Folder) else _store_threads().map
        pixels[ascending] = np.concatenate([*many(self.read, runs)])
        return pixels

    def _pass(self, size: int) -> tf.data.Dataset:
        def load(first: Tensor) -> tuple[Tensor, ...]:
            def some(number: int) -> tuple[Tensor, ...]:
                rows = self.rows[int(number) : int(number) + size]
                return self.read(rows), self.labels[rows]

            images, labels = tf.numpy_function(some, [first], (tf.uint8, tf.int32))
            return tf.ensure_shape(images, (None, *self.shape)), tf.ensure_shape(labels, (None,))

        return _map(tf.data.Dataset.range(0, self.count, size), load)


def _levels(folder: Path | str, report: Report, options: Options) -> Levels:
    """The levels with which the images were packed. Raises: DataError: others are requested."""
    packed = report.levels if isinstance(report.levels, str) else (*report.levels,)
    packed = "full" if packed == "auto" else packed
    if options.levels not in ("auto", packed):
        raise DataError(
            f"{folder} was packed with data.levels = {_shown(packed)}, got "
            f"{_shown(options.levels)}: omit data.levels, or prepare the images again"
        )
    return packed


def _shown(levels: Levels) -> str:
    return levels if isinstance(levels, str) else f"[{levels[0]:g}, {levels[1]:g}]"


class _Order:
    """The training order of packed images: groups of blocks, numbered across epochs."""

    def __init__(self, images: Shards, seed: int) -> None:
        image_bytes = int(np.prod(images.shape))
        self.block = max(1, _BLOCK_BYTES // image_bytes)
        self.per_group = max(1, _GROUP_BYTES // (self.block * image_bytes))
        self.seed = seed
        self.blocks = np.array_split(images.rows, np.arange(self.block, images.count, self.block))
        self.count = images.count
        self.groups = -(-len(self.blocks) // self.per_group)  # in an epoch

    def chosen(self, epoch: int, group: int) -> np.ndarray:
        order = _numbers(self.seed, epoch).permutation(len(self.blocks))
        return order[group * self.per_group : (group + 1) * self.per_group]

    def rows(self, number: int) -> np.ndarray:
        """Row numbers of a group in training order."""
        epoch, group = divmod(number, self.groups)
        rows = np.concatenate([self.blocks[b] for b in self.chosen(epoch, group)])
        return _numbers(self.seed, epoch, group + 1).permutation(rows)

    def locate(self, k: int) -> tuple[int, int]:
        """The group of the k-th image, and its index in the group."""
        epoch, place = divmod(k, self.count)
        for group in range(self.groups):
            length = sum(len(self.blocks[b]) for b in self.chosen(epoch, group))
            if place < length:
                break
            place -= length
        return epoch * self.groups + group, place


def _numbers(*address: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(address)))


_map_one = partial(tf.data.Dataset.map, num_parallel_calls=1, deterministic=True)


@contextlib.contextmanager
def _whole(store: Folder | Store, name: str) -> Iterator[None]:
    """Raises: DataError: the file that is read is damaged. FileNotFoundError stays."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (*UNREADABLE, TypeError, KeyError) as error:
        raise DataError(
            f"{store.address}/{name} is damaged ({type(error).__name__}): {AGAIN}"
        ) from error


def _verify(store: Folder | Store, shards: list[Shard]) -> None:
    """Check sizes, and checksums of files if they have up to `_VERIFY_BYTES` in total; the error
    names the shard. Each record has its own checksum, which is checked when it is read."""
    checksums = sum(s.bytes for s in shards) <= _VERIFY_BYTES
    sizes = store.sizes()
    for shard in shards:
        path, bytes = f"{store.address}/{shard.file}", sizes.get(shard.file)
        if bytes is None:
            raise DataError(f"shard {path} is missing: {AGAIN}")
        if bytes != shard.bytes:
            raise DataError(
                f"shard {path} has {bytes} bytes, but {shard.bytes} were written: {AGAIN}"
            )
        near = isinstance(store, Folder) and checksums and store.sha256(shard.file)
        if near and near != shard.sha256:
            raise DataError(f"shard {path} is corrupt (sha256 mismatch): {AGAIN}")
