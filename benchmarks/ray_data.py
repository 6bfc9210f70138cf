"""What `ganvas prepare --workers` does, by Ray Data: `benchmarks/scale.py` runs both.

    python benchmarks/ray_data.py FOLDER OUT WORKERS

Reads files, brings them to 64 px, sorts them by the hash of their content and writes them in that
order, as Parquet, which Ray Data writes by itself. Size and channels are given: no header is read
before. Prints how many images it wrote, and how many files cannot be read.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # keeps it off the network

import numpy as np
import pyarrow.compute
import pyarrow.dataset
import ray

from ganvas.errors import DataError
from ganvas.images import read


def decode(rows: dict[str, np.ndarray]) -> dict[str, list]:
    found: dict[str, list] = {"hash": [], "pixels": [], "path": []}
    for content, path in zip(rows["bytes"], rows["path"], strict=True):
        try:
            pixels = read(content, (64, 64), 3).tobytes()
        except DataError:
            pixels = b""
        found["hash"].append(hashlib.blake2b(content, digest_size=8).hexdigest())
        found["pixels"].append(pixels)
        found["path"].append(path)
    return found


def main(folder: str, out: str, workers: int) -> None:
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    data = ray.data.read_binary_files(folder, include_paths=True)
    data.map_batches(decode, batch_size=100).sort("hash").write_parquet(out)
    written = pyarrow.dataset.dataset(out).to_table(columns=["pixels"])["pixels"]
    broken = pyarrow.compute.sum(pyarrow.compute.equal(written, b"")).as_py()
    print(json.dumps({"images": len(written) - broken, "broken": broken}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
