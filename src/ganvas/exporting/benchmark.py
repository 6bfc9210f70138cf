"""`bench`: latency and throughput of every artefact on this machine.

TensorFlow cannot change its number of threads after the start, so each number is a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..base import extras
from ..base.files import replacing
from ..base.own_files import MARK, SOFTWARE
from ..base.progress import stage
from ..config.build import import_modules, operators_modules
from ..errors import Advice, GanvasError, ModelError, UsageError
from ..storage import manifest
from ..storage.facts import check_facts
from ..storage.manifest import ONNX
from ..storage.run import Run
from .runners import Draw, clock, runner

THREADS = (1, 2)
BATCHES = (1, 64)
COLOURS = ("#0b62a4", "#c8501e")


@dataclass(frozen=True)
class Timing:
    """Duration of calls of one artefact.

    Attributes:
        artefact: "saved_model", a file name, or "run" for the generator of a run.
        batch: images of a call.
        threads: of the processor.
        p50_ms, p95_ms: median and 95th percentile of a call, in milliseconds.
        images_per_second: on average.
    """

    artefact: str
    batch: int
    threads: int
    p50_ms: float
    p95_ms: float
    images_per_second: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench(
    target: str | os.PathLike[str], *, seconds: float = 1.0, model: str = "best"
) -> list[Timing]:
    """Time every artefact of an exported model, or the generator of a run.

    Args:
        target: a run; DIR, for its newest version; or DIR/N.
        seconds: duration of each measurement.
        model: of a run: "best" or "last".

    Returns: one for each artefact, batch (1 and 64; LiteRT files: 1) and number of threads.
    Raises: UsageError: the target is neither a run nor a model, or it is damaged.
    """
    names = ["run"]
    if manifest.is_model(target):
        names = _timed(manifest.verify(target)["artefacts"])
    else:
        Run.open(target)
        extras.check("train", "the generator of a run")
    timings: list[Timing] = []
    total = len(THREADS) * sum(len(batches(name)) for name in names)
    with stage("timing", total, "measurements") as timing:
        for threads in THREADS:
            words = [os.fspath(target), str(threads), str(seconds), model, *operators_modules]
            for row in _rows(words):
                timings.append(Timing(**row))
                timing.advance()
    return timings


def _timed(artefacts: Iterable[str]) -> list[str]:
    """Those of a version whose libraries are installed; a note says why others are left out.

    Raises: MissingExtra: none of them is.
    """
    kept, left = [], []
    for name in artefacts:
        extra, module = "edge", "ai_edge_litert"
        if not name.endswith(".tflite"):
            extra, module = ("onnx", "onnxruntime") if name == ONNX else ("train", "tensorflow")
        if extras.installed(module):
            kept.append(name)
        else:
            left.append(extras.missing(extra, module, name))
    if left and not kept:
        raise min(left, key=lambda error: error.name != "ai_edge_litert")  # the smallest extra
    for error in left:
        warnings.warn(str(error), Advice, stacklevel=3)
    return kept


def batches(name: str) -> tuple[int, ...]:
    """The batches that are measured of an artefact."""
    return BATCHES[:1] if name.endswith(".tflite") else BATCHES


def _rows(words: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The timings of a process that measures, as soon as it writes them.

    Raises: UsageError: it fails.
    """
    # -P: no modules from the current folder, which may be the one that is measured.
    command = [sys.executable, "-P", "-m", __name__, *words]
    path = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": path}
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process,
    ):
        for line in process.stdout or ():
            if line.startswith("{"):
                yield json.loads(line)
        if process.wait():
            errors.seek(0)
            why = (errors.read().strip().splitlines() or ["no message"])[-1]
            raise UsageError(f"{words[0]} cannot be timed with {words[1]} threads ({why})")


def measure(target: str, threads: int, seconds: float, model: str) -> Iterator[Timing]:
    """Timings with one number of threads; TensorFlow must not have started before."""
    for name, draw, given in _draws(target, threads, model):
        for batch in batches(name):
            times = clock(partial(draw, *given(batch)), seconds, 1000)
            yield Timing(
                artefact=name,
                batch=batch,
                threads=threads,
                p50_ms=round(float(np.percentile(times, 50)), 4),
                p95_ms=round(float(np.percentile(times, 95)), 4),
                images_per_second=round(1000 * batch / float(times.mean()), 1),
            )


Inputs = Callable[[int], tuple[np.ndarray, np.ndarray | None]]
"""Number of images -> noise and labels."""


def _draws(target: str, threads: int, model: str) -> Iterator[tuple[str, Draw, Inputs]]:
    """Name, function and inputs of each artefact. TensorFlow is imported where one needs it."""
    if not manifest.is_model(target):
        _start_tensorflow(threads)
        from ..sampling.sampler import load
        from .artefacts import caller

        sampler = load(target, model)
        yield "run", caller(sampler.generator), lambda n: (
            sampler.noise(n), sampler.labels(n, None, 0)
        )  # fmt: skip
        return
    folder = manifest.locate(target)
    facts = manifest.verify(folder)
    damaged = ModelError(f"{target} is no exported generator: export a run with `ganvas export`")
    shares = check_facts(facts, damaged)["class_shares"] if facts.get("conditional") else []
    size = facts.get("noise_size")
    if not isinstance(size, int):
        raise damaged

    def inputs(n: int) -> tuple[np.ndarray, np.ndarray | None]:
        noise = np.random.Generator(np.random.Philox(0)).standard_normal((n, size), np.float32)
        return noise, np.arange(n, dtype=np.int32) % len(shares) if shares else None

    names = _timed(facts["artefacts"])
    if "saved_model" in names:
        _start_tensorflow(threads)
    for name in names:
        yield name, _opened(folder, name, threads), inputs


def _start_tensorflow(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _opened(folder: Path, name: str, threads: int) -> Draw:
    if name != "saved_model":
        return runner(folder / name, threads)
    from .artefacts import opened

    return opened(folder, name, threads)


def table(timings: Sequence[Timing]) -> list[tuple[str, ...]]:
    """Header and cells, one line per artefact, batch and threads."""
    lines: list[tuple[str, ...]] = [
        ("artefact", "batch", "threads", "p50 ms", "p95 ms", "images/s")
    ]
    for one in sorted(timings, key=lambda one: (one.batch, one.threads)):
        lines.append((
            one.artefact, str(one.batch), str(one.threads), f"{one.p50_ms:.3g}",
            f"{one.p95_ms:.3g}", f"{one.images_per_second:,.0f}",
        ))  # fmt: skip
    return lines


def chart(timings: Sequence[Timing], path: Path) -> None:
    """Milliseconds of one image by artefact and threads: the median, a whisker to 95 %.

    Raises: UsageError: the file is neither .png nor .svg.
    """
    check_chart(path)
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(one.artefact for one in timings))
    figure = Figure(figsize=(6.4, 1.2 + 0.5 * len(names)), layout="constrained")
    axes = figure.add_subplot(xlabel="milliseconds for one image")
    for index, threads in enumerate(THREADS):
        own = {t.artefact: t for t in timings if t.threads == threads and t.batch == 1}
        middle = np.array([own[name].p50_ms for name in names])
        late = np.array([own[name].p95_ms for name in names]) - middle
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
        kind = path.suffix[1:].lower()
        origin = SOFTWARE if kind == "png" else {"Creator": MARK}
        figure.savefig(file, format=kind, dpi=150, metadata=origin)


def check_chart(path: Path) -> None:
    """Raises: UsageError: the file is neither .png nor .svg."""
    if path.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"the chart must be a .png or .svg file, got {path}: change its name")


def _main(arguments: Sequence[str]) -> int:
    target, threads, seconds, model, *modules = arguments
    try:
        import_modules(modules)
        for one in measure(target, int(threads), float(seconds), model):
            sys.stdout.write(json.dumps(one.to_dict()) + "\n")
            sys.stdout.flush()
    except GanvasError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
