"""What a worker does that packs: it looks at files, decodes them, and writes shards."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.checkup import Checked, attempt, check, good_and_broken, headers_of
from ..data.listing import content_hash
from ..data.records import shard_name, write_shard
from ..errors import RunError
from ..images import probe
from ..logs import quiet_pillow
from . import claims

_OPEN = 128  # scratch files that stay open


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

    @property
    def mark(self) -> np.uint64:
        """What another job of this number has not: files that could not be read may be later."""
        return np.uint64(content_hash(repr(self).encode()))

    @property
    def image_bytes(self) -> int:
        return math.prod(self.size) * self.channels


class Write(NamedTuple):
    """A job: write that shard; `rows` are [scratch file, place in it, label], int64 [N, 3]; `mark`
    stands for the images in it."""

    number: int
    rows: np.ndarray
    shape: tuple[int, int, int]
    mark: np.uint64


class Packer:
    """Does the jobs that it is given; a process has one."""

    def __init__(self, scratch: Path):
        self.scratch = scratch
        self._open: dict[int, int] = {}

    def __call__(self, job: Probe | Decode | Write) -> tuple[int, Any]:
        with quiet_pillow():
            if isinstance(job, Probe):
                return job.number, headers_of([attempt(probe, path) for path in job.paths])
            if isinstance(job, Decode):
                return job.number, self.decode(job)
        return job.number, self.write(job)

    def decode(self, job: Decode) -> dict[str, Any]:
        look = partial(check, size=job.size, channels=job.channels, fit=job.fit, keep=True)
        path = self.scratch / "pixels" / f"{job.number:05d}"
        about = self.scratch / "checked" / f"{job.number:05d}.npz"
        part = path.with_name(f".{path.name}.part{os.getpid()}")
        found: list[Checked | str] = []
        with part.open("wb") as file:
            for one in job.paths:
                image = attempt(look, one)
                if isinstance(image, Checked) and image.pixels is not None:
                    file.write(image.pixels.tobytes())
                    image = image._replace(pixels=None)
                found.append(image)
        about.unlink(missing_ok=True)  # which may be of the pixels that were there before
        part.replace(path)
        good, broken = good_and_broken(found)
        arrays = {
            "mark": job.mark, "hash": np.array([one.hash for one in good], np.uint64),
            "constant": np.int64(sum(one.constant for one in good)),
            "broken": np.array(list(broken), np.int64), "why": np.array(list(broken.values()), str),
        }  # fmt: skip
        claims.write_arrays(about, **arrays)
        return arrays

    def write(self, job: Write) -> dict[str, Any]:
        size = math.prod(job.shape)

        def pictures() -> Iterator[tuple[np.ndarray, int]]:
            for number, place, label in job.rows.tolist():
                content = os.pread(self.file(number), size, place * size)
                if len(content) != size:
                    raise RunError(
                        f"{self.scratch}/pixels/{number:05d} is cut: the same command makes it anew"
                    )
                yield np.frombuffer(content, np.uint8).reshape(job.shape), label

        about = self.scratch / "written" / f"{job.number:05d}.npz"
        about.unlink(missing_ok=True)
        packed = write_shard(self.scratch / "packed" / shard_name(job.number), pictures())
        arrays = {"mark": job.mark, **packed._asdict()}
        claims.write_arrays(about, **arrays)
        return arrays

    def file(self, number: int) -> int:
        """A scratch file, open to read."""
        if number not in self._open:
            if len(self._open) >= _OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            path = self.scratch / "pixels" / f"{number:05d}"
            self._open[number] = os.open(path, os.O_RDONLY)
        return self._open[number]
