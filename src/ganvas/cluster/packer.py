"""Tasks of a worker that packs: probe files, decode them, write shards."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..base.logs import quiet_pillow
from ..data.checkup import Checked, Checks, attempt, check, headers_of, look
from ..data.listing import content_hash
from ..data.records import shard_name, write_shard
from ..errors import RunError
from ..images import Levels
from ..storage import job

_OPEN = 128  # scratch files that stay open


class Probe(NamedTuple):
    """A task: read the headers of these files; `measure`: and the values of wide images."""

    number: int
    paths: list[str]
    measure: bool


class Decode(NamedTuple):
    """A task: decode these files into `made`, the pixels of one image after the other.

    A finished task is not repeated: its result is in `about`, with a `mark` that identifies the
    task; `bytes` is the length of `made`.
    """

    number: int
    paths: list[str]
    size: tuple[int, int]
    channels: int
    fit: str
    levels: Levels

    @property
    def made(self) -> str:
        return f"pixels/{self.number:05d}"

    @property
    def about(self) -> str:
        return f"checked/{self.number:05d}.npz"

    @property
    def mark(self) -> np.uint64:
        """Includes the files: one that could not be read may be readable the next time."""
        return np.uint64(content_hash(repr(self).encode()))

    def bytes(self, found: dict[str, Any]) -> int:
        return len(found["hash"]) * math.prod(self.size) * self.channels


class Write(NamedTuple):
    """A task: write a shard.

    Args:
        rows: of its images, int64 [N, 3]: number of a `Decode`, index in its file, label.
        mark: identifies the images.
    """

    number: int
    rows: np.ndarray
    shape: tuple[int, int, int]
    mark: np.uint64

    @property
    def made(self) -> str:
        return f"packed/{shard_name(self.number)}"

    @property
    def about(self) -> str:
        return f"written/{self.number:05d}.npz"

    def bytes(self, found: dict[str, Any]) -> int:
        return int(found["bytes"])


class Packer:
    """Does tasks; each process has one."""

    def __init__(self, scratch: Path):
        self.scratch = scratch
        self._open: dict[int, int] = {}

    def __call__(self, task: Probe | Decode | Write) -> tuple[int, Any]:
        if isinstance(task, Probe):
            with quiet_pillow():
                see = partial(attempt, partial(look, measure=task.measure))
                return task.number, headers_of(map(see, task.paths))
        (self.scratch / task.about).unlink(missing_ok=True)  # it may belong to another task
        found = self.decode(task) if isinstance(task, Decode) else self.write(task)
        job.write_arrays(self.scratch / task.about, mark=task.mark, **found)
        return task.number, found

    def decode(self, task: Decode) -> dict[str, Any]:
        read = partial(
            check, size=task.size, channels=task.channels, fit=task.fit, levels=task.levels,
            keep=True,
        )  # fmt: skip
        path = self.scratch / task.made
        part = path.with_name(f".{path.name}.part{os.getpid()}")
        checks, broken = Checks(), dict[int, str]()
        with quiet_pillow(), part.open("wb") as file:
            for place, one in enumerate(task.paths):
                image = attempt(read, one)
                if isinstance(image, Checked):
                    if image.pixels is not None:
                        file.write(image.pixels.tobytes())
                    checks.add(image)
                else:
                    broken[place] = image
        part.replace(path)
        return {
            "hash": np.array(checks.hashes, np.uint64), "same": np.array(checks.pixels, np.uint64),
            "constant": np.int64(checks.constant), "grey": np.int64(checks.grey),
            "broken": np.array(list(broken), np.int64), "why": np.array(list(broken.values()), str),
        }  # fmt: skip

    def write(self, task: Write) -> dict[str, Any]:
        size = math.prod(task.shape)

        def pictures() -> Iterator[tuple[np.ndarray, int]]:
            for number, place, label in task.rows.tolist():
                content = os.pread(self.file(number), size, place * size)
                if len(content) != size:
                    raise RunError(
                        f"{self.scratch}/pixels/{number:05d} is truncated: repeat the command"
                    )
                yield np.frombuffer(content, np.uint8).reshape(task.shape), label

        try:
            return write_shard(self.scratch / task.made, pictures())._asdict()
        finally:
            self.close()

    def close(self) -> None:
        """A deleted file that is still open would keep its space on the disk."""
        while self._open:
            os.close(self._open.popitem()[1])

    def file(self, number: int) -> int:
        """Descriptor of a scratch file, open for reading."""
        if number not in self._open:
            if len(self._open) >= _OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            path = self.scratch / "pixels" / f"{number:05d}"
            self._open[number] = os.open(path, os.O_RDONLY)
        return self._open[number]
