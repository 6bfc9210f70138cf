"""A folder of images into shards by several workers: the files that `ganvas prepare` writes alone.

Records lie in the order of their content's hash, which is known when all files have been read. So
each worker decodes its files once, into scratch files of raw pixels; and then each writes whole
shards, taking the pixels from wherever they lie. No process ever holds more than one image's
pixels, whatever the size of the set; the scratch takes as much room as the shards. None needs
TensorFlow, which would take seconds and half a gigabyte in each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import remote
from ..data.folder import Checked, Headers, attempt, check, find
from ..data.listing import Listing
from ..data.options import Options
from ..data.records import AGAIN, Packed, shard_name, shard_rows, write_index, write_shard
from ..errors import DataError, UsageError
from ..files import disk_errors
from ..images import probe
from ..logs import quiet_pillow
from . import claims
from .cluster import team

_FILES = 500
"""Files of a part: what is read again when a worker dies."""
_OPEN = 128  # scratch files a worker keeps open


class Probe(NamedTuple):
    """A job: say what these files' headers say."""

    number: int
    paths: list[str]


class Decode(NamedTuple):
    """A job: decode these files into the scratch file of that number."""

    number: int
    paths: list[str]
    size: tuple[int, int]
    channels: int
    fit: str


class Write(NamedTuple):
    """A job: write that shard; `rows` are [scratch file, place in it, label], int64 [N, 3]."""

    number: int
    rows: np.ndarray
    shape: tuple[int, int, int]


def pack(
    data: str | os.PathLike,
    folder: str | os.PathLike,
    options: Options | None = None,
    shard_mb: int = 256,
    *,
    workers: int | None = None,
    address: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Check a folder of images and pack it into shards, as `ganvas.prepare` does.

    What was done before a kill is not done again, unless a file changed since. A folder that the
    same call made before is left as it is.

    Args:
        data: a folder of images.
        folder: made by rename once everything is in it.
        options, shard_mb: as for `prepare`.
        workers: processes; None works in this one, without Ray.
        address: of a Ray cluster; every worker must see both folders under the same path.
        progress: called with (images checked, images in all).

    Raises:
        DataError: the target holds something else, or what `load` refuses.
        UsageError: not a folder of images: arrays are packed by `prepare` alone.
    """
    source, target = remote.shared(data), remote.shared(folder)
    if not source.is_dir() or (source / "index.json").is_file():
        raise UsageError(
            f"{data} is not a folder of images, which is what several workers can share: pack "
            "anything else without --workers"
        )
    plain = replace(options or Options(), holdout=0.0, flip=False, shift=0.0, zoom=0.0, jitter=0.0)
    paths, ignored = find(source)
    request = {
        "data": str(source), "files": _digest(paths), "shard_mb": shard_mb,
        "size": plain.sides and list(plain.sides), "channels": plain.channels, "fit": plain.fit,
        "labels": plain.labels, "judged": plain.judged, "part_files": _FILES,
    }  # fmt: skip
    if claims.check(target, request, ("data", "shard_mb", "size", "channels", "fit", "labels")):
        _verify(target)
        return target
    scratch = target.with_name(f".{target.name}.packing")
    with claims.claimed(scratch, request, anew=True), disk_errors(target):
        try:
            with team(Packer, (scratch,), workers, address) as spread:
                work = _Work(source, paths, ignored, plain, scratch, progress)
                work.run(spread, shard_mb * 2**20)
        except DataError:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        shutil.copyfile(scratch / claims.REQUEST, scratch / "packed" / claims.REQUEST)
        if target.exists():
            target.rmdir()
        (scratch / "packed").rename(target)
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _digest(paths: list[str]) -> str:
    """What changes when a file is added, removed or written again."""
    digest = hashlib.sha256()
    for path in paths:
        words = [path]
        with contextlib.suppress(OSError):  # a link that leads nowhere, which the checkup lists
            about = Path(path).stat()
            words += [str(about.st_size), str(about.st_mtime_ns)]
        digest.update("\0".join(words).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


def _verify(target: Path) -> None:
    index = json.loads((target / "index.json").read_text("utf-8"))
    for shard in index["shards"]:
        path = target / shard["file"]
        if not path.is_file() or path.stat().st_size != shard["bytes"]:
            raise DataError(f"shard {path} is missing or cut: {AGAIN}")


class _Work:
    """What is done in which order; each step takes up what is there."""

    def __init__(self, source, paths, ignored, options, scratch: Path, progress):
        self.source, self.paths, self.ignored = source, paths, ignored
        self.options, self.scratch = options, scratch
        self.progress = progress or (lambda done, count: None)
        for name in ("pixels", "checked", "packed", "written"):
            (scratch / name).mkdir(exist_ok=True)

    def run(self, spread, limit: int) -> None:
        headers = self.probe(spread)
        source, places = self.decode(spread, headers)
        order = np.argsort(source.hashes, kind="stable")
        packed = self.write(spread, source, places, order, limit)
        write_index(self.scratch / "packed", source, order, packed)

    def probe(self, spread) -> Headers:
        jobs = [Probe(*part) for part in _parts(self.paths)]
        told = dict(spread(jobs))
        return Headers(self.source, self.paths, _flat(told), self.ignored)

    def decode(self, spread, headers: Headers) -> tuple[Listing, np.ndarray]:
        """What the images are, and where each row's pixels lie: int64 [N, 2]."""
        size, channels = headers.form(self.options)
        parts = list(_parts(headers.good))
        done = {n: found for n, _ in parts if (found := self.checked(n)) is not None}
        count = sum(len(paths) for n, paths in parts if n in done)
        form = size, channels, self.options.fit
        jobs = [Decode(n, paths, *form) for n, paths in parts if n not in done]
        for number, length in spread(jobs):
            count += length
            self.progress(count, len(headers.good))
            done[number] = self.checked(number) or {}
        broken: dict[int, str] = {}
        places = []
        for number, _ in parts:
            told, first = done[number], number * _FILES
            broken |= zip((first + told["broken"]).tolist(), told["why"].tolist(), strict=True)
            good = np.arange(len(told["hash"]))
            places.append(np.column_stack([np.full_like(good, number), good]))
        hashes = np.concatenate([done[number]["hash"] for number, _ in parts])
        constant = sum(int(told["constant"]) for told in done.values())
        facts = headers.facts(self.options, hashes, constant, broken)
        return Listing(**facts), np.concatenate(places)

    def checked(self, number: int) -> dict[str, np.ndarray] | None:
        return claims.read_arrays(self.scratch / "checked" / f"{number:05d}.npz")

    def write(self, spread, source: Listing, places, order, limit: int) -> list[Packed]:
        per_shard = shard_rows(source.shape, limit)
        entries = np.column_stack([places, source.labels])[order]
        parts = range(-(-len(order) // per_shard))
        jobs = [
            Write(n, entries[n * per_shard : (n + 1) * per_shard], source.shape)
            for n in parts
            if self.written(n) is None
        ]
        for _ in spread(jobs):
            pass
        found = [self.written(n) for n in parts]
        return [
            Packed(one["offsets"], one["checks"], int(one["bytes"]), str(one["sha256"]))
            for one in found
            if one is not None
        ]

    def written(self, number: int) -> dict[str, np.ndarray] | None:
        if not (self.scratch / "packed" / shard_name(number)).is_file():
            return None
        return claims.read_arrays(self.scratch / "written" / f"{number:05d}.npz")


def _parts(paths: list[str]) -> Iterator[tuple[int, list[str]]]:
    for first in range(0, len(paths), _FILES):
        yield first // _FILES, paths[first : first + _FILES]


def _flat(told: dict[int, list]) -> list:
    return [one for number in sorted(told) for one in told[number]]


class Packer:
    """Does the jobs that it is given; a process has one."""

    def __init__(self, scratch: Path):
        self.scratch = scratch
        self._open: dict[int, int] = {}

    def __call__(self, job: Probe | Decode | Write) -> tuple[int, Any]:
        with quiet_pillow():
            if isinstance(job, Probe):
                return job.number, [attempt(probe, path) for path in job.paths]
            if isinstance(job, Decode):
                return job.number, self.decode(job)
        return job.number, self.write(job)

    def decode(self, job: Decode) -> int:
        look = partial(check, size=job.size, channels=job.channels, fit=job.fit, keep=True)
        path = self.scratch / "pixels" / f"{job.number:05d}"
        part = path.with_name(f".{path.name}.part{os.getpid()}")
        told: list[Checked | str] = []
        with part.open("wb") as file:
            for one in job.paths:
                found = attempt(look, one)
                if isinstance(found, Checked) and found.pixels is not None:
                    file.write(found.pixels.tobytes())
                    found = found._replace(pixels=None)
                told.append(found)
        part.replace(path)
        good = [one for one in told if isinstance(one, Checked)]
        broken = {place: one for place, one in enumerate(told) if isinstance(one, str)}
        claims.write_arrays(
            self.scratch / "checked" / f"{job.number:05d}.npz",
            hash=np.array([one.hash for one in good], np.uint64),
            constant=sum(one.constant for one in good),
            broken=np.array(list(broken), np.int64), why=np.array(list(broken.values()), str),
        )  # fmt: skip
        return len(told)

    def write(self, job: Write) -> int:
        size = int(np.prod(job.shape))

        def pictures() -> Iterator[tuple[np.ndarray, int]]:
            for number, place, label in job.rows.tolist():
                content = os.pread(self.file(number), size, place * size)
                if len(content) != size:
                    raise DataError(
                        f"{self.scratch}/pixels/{number:05d} is cut: delete {self.scratch} and "
                        "prepare again"
                    )
                yield np.frombuffer(content, np.uint8).reshape(job.shape), label

        packed = write_shard(self.scratch / "packed" / shard_name(job.number), pictures())
        claims.write_arrays(self.scratch / "written" / f"{job.number:05d}.npz", **packed._asdict())
        return len(job.rows)

    def file(self, number: int) -> int:
        """A scratch file, open to read."""
        if number not in self._open:
            if len(self._open) >= _OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            path = self.scratch / "pixels" / f"{number:05d}"
            self._open[number] = os.open(path, os.O_RDONLY)
        return self._open[number]
