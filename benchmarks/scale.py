"""What it costs to share the work: training, packing and reading against one process, bare tools.

    python benchmarks/scale.py [--only training] [--counts 10000,100000]

training: one run by 1, 2 and 4 workers, see `scale_training.py`.
packing: `ganvas prepare --workers` against decoding alone and Ray Data, see `scale_packing.py`.
reading: `Images.stream` over shards of 64x64x3 against `tf.data.TFRecordDataset`, parsed, decoded,
    batched and cast, but neither shuffled nor checked.
Each is a line of results/scale.jsonl, and is not made again. Writes results/scale.md. Images go to
the temporary folder.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import jobs
import scale_packing
import scale_training
import store
from scale_packing import CORES, PLACE

BATCH = 64


def shards(count: int) -> Path:
    from ganvas.data import Options, prepare

    folder = PLACE / f"shards-{count}"
    if not folder.exists():
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (count, 64, 64, 3), np.uint8)
        prepare((pixels, np.arange(count) % 10), folder, Options(), shard_mb=64)
    return folder


def bare(folder: Path):
    import tensorflow as tf

    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }

    def parse(record):
        one = tf.io.parse_single_example(record, features)
        image = tf.reshape(tf.io.decode_raw(one["image"], tf.uint8), (64, 64, 3))
        return tf.cast(image, tf.float32) / 127.5 - 1, tf.cast(one["label"], tf.int32)

    files = sorted(map(str, folder.glob("*.tfrecord")))
    data = tf.data.TFRecordDataset(files).repeat().map(parse, num_parallel_calls=CORES)
    return data.batch(BATCH, drop_remainder=True).prefetch(4)


def speed(data, batches: int) -> float:
    """Images a second, after the first few batches."""
    iterator = iter(data)
    for _ in range(20):
        next(iterator)
    began = time.perf_counter()
    for _ in range(batches):
        next(iterator)
    return BATCH * batches / (time.perf_counter() - began)


def reading(size: str) -> dict:
    from ganvas.data import load

    count = int(size)
    folder = shards(count)
    source = load(folder)
    batches = 2 * count // BATCH
    pairs = [
        (speed(source.stream(BATCH, seed), batches), speed(bare(folder), batches))
        for seed in range(7)
    ]
    ratios = [ours / theirs for ours, theirs in pairs]
    return {
        "what": "reading", "images": count, "cores": CORES,
        "images_per_second": statistics.median(ours for ours, _ in pairs),
        "bare_images_per_second": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
    }  # fmt: skip


def read_table(rows: list[dict]) -> str:
    lines = [
        [
            f"{r['images']:,}", f"{r['images_per_second']:.0f}",
            f"{r['bare_images_per_second']:.0f}",
            f"{r['ratio']:.2f} ({r['lowest']:.2f} to {r['highest']:.2f})",
        ]
        for r in rows
    ]  # fmt: skip
    head = ["images", "images/s", "bare images/s", "ratio (median, range)"]
    return "\nReading shards:\n\n" + store.markdown(head, lines) if lines else ""


def write_up(rows: list[dict]) -> None:
    def of(what: str) -> list[dict]:
        return [row for row in rows if row["what"] == what]

    text = "# Sharing the work\n\n`benchmarks/scale.py`\n"
    text += scale_training.table(of("training"), of("alike"), of("forgetful"))
    text += scale_packing.tables(of("packing"), of("ray_data"))
    text += read_table(of("reading"))
    store.write_table("scale", text)


def play(what: str, *words: str) -> dict:
    tools = {
        "training": scale_training.training, "alike": scale_training.alike,
        "forgetful": scale_training.forgetful, "packing": scale_packing.packing,
        "ray_data": scale_packing.ray_data, "reading": reading,
    }  # fmt: skip
    return tools[what](*words)


def main() -> None:
    options = jobs.parser(__doc__)
    options.add_argument("--counts", default="10000,100000")
    given = options.parse_args()
    todo = scale_training.todo()
    todo += scale_packing.todo(given.counts.split(","))
    todo += [("reading", "30000")]
    write_up(jobs.run_all("scale", todo, play, given))


if __name__ == "__main__":
    main()
