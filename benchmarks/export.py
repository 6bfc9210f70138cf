"""What int8 wins and costs: time and size on the textbook DCGAN, quality on a short run.

    python benchmarks/export.py [--rounds 15] [--kimg 60] [--images 2000]

Speed and size are those of an architecture, so `classic` has random weights there. A Frechet
distance needs a generator that draws something: there it is `quick` on the bundled MNIST with
labels. The interval is of the change, from the same noise and the same real images.
Adds to results/export.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ganvas
import store
from ganvas.exporting import litert
from ganvas.exporting.parity import clock
from ganvas.gan.networks import NETWORKS
from ganvas.storage import manifest


def speed(rounds: int) -> dict:
    """Kinds in turn, so that whatever else the machine does meets them all."""
    generator = NETWORKS["textbook"]().generator((28, 28, 1))
    noise = np.random.default_rng(0).standard_normal((128, 100)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder) / litert.file_name(kind) for kind in litert.KINDS}
        for kind, path in paths.items():
            path.write_bytes(litert.convert(generator, kind, noise, None))
        sizes = {kind: path.stat().st_size for kind, path in paths.items()}
        files = {kind: litert.LiteRT(path, 1) for kind, path in paths.items()}
        times = [
            {kind: float(np.median(clock(lambda f=file: f(noise[:1]), 0.2)))
             for kind, file in files.items()}
            for _ in range(rounds)
        ]  # fmt: skip
    return {
        "ms_at_one_thread": {k: round(statistics.median(t[k] for t in times), 3) for k in files},
        "ms_over_float32": {
            kind: spread([t[kind] / t["float32"] for t in times]) for kind in files
        },
        "bytes": sizes,
        "bytes_over_float32": {k: round(size / sizes["float32"], 3) for k, size in sizes.items()},
        "one_delegate": {kind: file.whole for kind, file in files.items()},
    }


def spread(values: list[float]) -> dict[str, float]:
    low, middle, high = (round(f(values), 3) for f in (min, statistics.median, max))
    return {"median": middle, "low": low, "high": high}


def quality(kimg: float, images: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        values = {"train.kimg": kimg, "watch.tensorboard": False, "export.images": images}
        run = ganvas.train(
            "mnist", "quick", run=Path(folder) / "run", overrides=values, progress=False
        )
        facts = manifest.verify(ganvas.export(run, Path(folder) / "model"))
    return {
        "run": f"quick on MNIST with labels, {kimg:g} kimg",
        "images": images,
        "artefacts": {
            name: {key: found[key] for key in ("psnr", "largest_error", "scores")}
            for name, found in facts["artefacts"].items()
        },
        "withheld": facts["withheld"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--kimg", type=float, default=60)
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "classic": speed(options.rounds),
    }
    print(json.dumps(report["classic"], indent=1), flush=True)
    report["quick"] = quality(options.kimg, options.images)
    store.add("export", "report", report)
    for name, found in report["quick"]["artefacts"].items():
        print(name, {score: one["change"] for score, one in found["scores"].items()})


if __name__ == "__main__":
    main()
