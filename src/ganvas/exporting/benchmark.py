"""What `ganvas bench` does: latency and throughput of every artefact on this machine.

TensorFlow's threads are fixed once it has started, so each number of threads is a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..base.files import replacing
from ..errors import GanvasError, UsageError
from ..storage import manifest
from ..storage.run import Run

THREADS = (1, 2)
BATCHES = (1, 64)
COLOURS = ("#0b62a4", "#c8501e")


def bench(
    target: str | os.PathLike, *, seconds: float = 1.0, model: str = "best"
) -> list[dict[str, Any]]:
    """Time every artefact of an exported model, or a run's generator.

    Args:
        target: a run; DIR, whose newest version is taken; or DIR/N.
        seconds: of each measurement.
        model: of a run: "best" or "last".

    Returns: a row per artefact, batch and threads: artefact, batch, threads, p50_ms, p95_ms,
        images_per_second. LiteRT files have a batch of 1 only.
    Raises: UsageError: no run and no model there, or one that is damaged.
    """
    if manifest.is_model(target):
        manifest.verify(target)
    else:
        Run.open(target)
    rows = []
    for threads in THREADS:
        words = ["-m", __name__, os.fspath(target), str(threads), str(seconds), model]
        done = subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, check=False,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no words"])[-1]
            raise UsageError(f"{target} cannot be timed with {threads} threads ({why})")
        rows += json.loads(done.stdout.splitlines()[-1])
    return rows


def measure(target: str, threads: int, seconds: float, model: str) -> Iterator[dict[str, Any]]:
    """The rows of one number of threads; TensorFlow must not have started yet."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from ..sampling.sampler import load
    from .artefacts import caller, opened
    from .parity import clock

    sampler = load(target, model)
    draws = {"run": caller(sampler.generator)}
    if manifest.is_model(target):
        folder = manifest.locate(target)
        names = manifest.verify(folder)["artefacts"]
        draws = {name: opened(folder, name, threads) for name in names}
    for name, draw in draws.items():
        for batch in BATCHES[:1] if name.endswith(".tflite") else BATCHES:
            noise, labels = sampler.noise(batch), sampler.labels(batch, None, 0)
            times = clock(partial(draw, noise, labels), seconds, 1000)
            yield {
                "artefact": name, "batch": batch, "threads": threads,
                "p50_ms": round(float(np.percentile(times, 50)), 4),
                "p95_ms": round(float(np.percentile(times, 95)), 4),
                "images_per_second": round(1000 * batch / float(times.mean()), 1),
            }  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Header and cells, one line per artefact, batch and threads."""
    lines: list[tuple[str, ...]] = [
        ("artefact", "batch", "threads", "p50 ms", "p95 ms", "images/s")
    ]
    ordered = sorted(rows, key=lambda row: (row["batch"], row["threads"]))
    for row in ordered:
        lines.append((
            row["artefact"], str(row["batch"]), str(row["threads"]), f"{row['p50_ms']:.3g}",
            f"{row['p95_ms']:.3g}", f"{row['images_per_second']:,.0f}",
        ))  # fmt: skip
    return lines


def chart(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Milliseconds of one image by artefact and threads: the median; the whisker ends at 95 %.

    Raises: UsageError: a name that ends neither in .png nor in .svg.
    """
    check_chart(path)
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["artefact"] for row in rows))
    figure = Figure(figsize=(6.4, 1.2 + 0.5 * len(names)), layout="constrained")
    axes = figure.add_subplot(xlabel="milliseconds for one image")
    for index, threads in enumerate(THREADS):
        own = {r["artefact"]: r for r in rows if r["threads"] == threads and r["batch"] == 1}
        middle = np.array([own[name]["p50_ms"] for name in names])
        late = np.array([own[name]["p95_ms"] for name in names]) - middle
        at = np.arange(len(names)) + 0.4 * index - 0.2
        label = f"{threads} thread{'s' * (threads > 1)}"
        axes.barh(at, middle, 0.36, color=COLOURS[index], label=label)
        axes.errorbar(middle, at, xerr=[0 * late, late], fmt="none", ecolor="#6b7480")
        for place, value, end in zip(at, middle, middle + late, strict=True):
            axes.text(end, place, f"  {value:.3g}", va="center")
    axes.margins(x=0.12)
    axes.set_yticks(np.arange(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", ncols=2, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=150)


def check_chart(path: Path) -> None:
    """Raises: UsageError: a name that ends neither in .png nor in .svg."""
    if path.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"{path}: a chart is .png or .svg; give a name that ends so")


def _main(words: Sequence[str]) -> int:
    target, threads, seconds, model = words
    try:
        rows = list(measure(target, int(threads), float(seconds), model))
    except GanvasError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
