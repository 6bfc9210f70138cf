"""What it costs to learn from images that lie far away.

    python benchmarks/remote.py

60,000 images of 32x32 in colour, packed: read from a disk, from fsspec's file system in memory,
and from the same with the manners of an object store, which are simulated: 50 ms before an answer
begins, then 50 MB/s for each request. Images a second of the training stream, the best of three;
requests and bytes per byte of images that were used. Says nothing of a certain store, network or
plug-in. Adds to results/remote.jsonl and writes results/remote.md.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import fsspec
import numpy as np
from fsspec.implementations.memory import MemoryFileSystem

import store
from ganvas.data import load, prepare

COUNT, SHAPE, BATCH, BATCHES = 60_000, (32, 32, 3), 64, 700
LATENCY, SPEED = 0.05, 50e6  # seconds, bytes a second


class Far(MemoryFileSystem):
    """Memory, as it looks from far away."""

    protocol = "far"
    asked: list[int] = []  # noqa: RUF012

    def cat_file(self, path, start=None, end=None, **options):
        content = super().cat_file(path, start=start, end=end, **options)
        self.asked.append(len(content))
        time.sleep(LATENCY + len(content) / SPEED)
        return content

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("far://", "memory://"))


def measure(place: str) -> dict:
    began = time.perf_counter()
    source = load(place)
    opened = time.perf_counter() - began
    speeds, size = [], BATCH * BATCHES
    for seed in range(3):
        Far.asked.clear()
        began = time.perf_counter()
        for _ in source.stream(BATCH, seed).take(BATCHES):
            pass
        speeds.append(size / (time.perf_counter() - began))
    used = size * int(np.prod(SHAPE))
    far = {"requests": len(Far.asked), "bytes_per_used": round(sum(Far.asked) / used, 2)}
    return {"open_s": round(opened, 2), "images_per_second": round(max(speeds)), **far}


def main() -> None:
    fsspec.register_implementation("far", Far, clobber=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, *SHAPE), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        places = {"disk": str(Path(folder) / "set"), "memory": "memory://set", "far": "far://other"}
        for place in places.values():
            prepare(images, place, shard_mb=64)
        rows = {name: measure(place) for name, place in places.items()}
    for name, row in rows.items():
        store.add("remote", name, row)
    head = ["images lie", "images/s", "opened in s", "requests", "bytes per byte used"]
    cells = [[name, f"{row['images_per_second']:,}", str(row["open_s"]),
              str(row["requests"] or "-"), str(row["bytes_per_used"] or "-")]
             for name, row in rows.items()]  # fmt: skip
    store.write_table("remote", store.markdown(head, cells))


if __name__ == "__main__":
    main()
