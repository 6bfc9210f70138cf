"""What a worker does that packs: it looks at files, decodes them, and writes shards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data.checkup import Checked, attempt, check, look_up, sort_out
from ..data.listing import content_hash
from ..data.records import shard_name, write_shard
from ..errors import DataError
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
        """What another job of this number would not have: a file may turn out readable later."""
        return np.uint64(content_hash(repr(self).encode("utf-8", "surrogateescape")))


class Write(NamedTuple):
    """A job: write that shard; `rows` are [scratch file, place in it, label], int64 [N, 3]."""

    number: int
    rows: np.ndarray
    shape: tuple[int, int, int]


class Packer:
    """Does the jobs that it is given; a process has one."""

    def __init__(self, scratch: Path):
        self.scratch = scratch
        self._open: dict[int, int] = {}

    def __call__(self, job: Probe | Decode | Write) -> tuple[int, Any]:
        with quiet_pillow():
            if isinstance(job, Probe):
                return job.number, look_up([attempt(probe, path) for path in job.paths])
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
        good, broken = sort_out(told)
        claims.write_arrays(
            self.scratch / "checked" / f"{job.number:05d}.npz",
            mark=job.mark, hash=np.array([one.hash for one in good], np.uint64),
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
