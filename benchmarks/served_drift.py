"""Does `ganvas serve --drift` see damage, and is it quiet without?

    python benchmarks/served_drift.py [MODEL RUN] [--seeds 3] [--images 800]

MODEL is an export of RUN with --drift; without them, a run of `quick` on MNIST with labels is
trained for 64 kimg and exported. Images are drawn by RUN's generator, or by a damaged copy of
it, as clients would have them drawn: standard normal noise, classes as in training. Their features
are compared with MODEL's reference, in windows of 50 and of 400.
1. Healthy: the share of windows that ring, over the seeds. And over calibrations: of all healthy
   images, 512 are a reference at random, 400 times, and one window of the others is tested.
2. Damage: weights with noise of so many standard deviations of their array; a layer of zeros;
   blank images; noise that is half as long; ten images again and again; one class; a file in int8.
   Of each length, the windows that ring, and the images until the first alarm.
Adds to results/served_drift.jsonl.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ganvas
import store
from ganvas.exporting.runners import LiteRT
from ganvas.images import to_uint8
from ganvas.sampling.sampler import Sampler, load
from ganvas.serve.drifting import WINDOWS
from ganvas.serve.reference import ALL, Reference
from ganvas.stats import energy
from ganvas.stats.drift import RATE

CALIBRATIONS = 400


def drawn(sampler: Sampler, count: int, seed: int, scale: float = 1.0, label=None) -> np.ndarray:
    return sampler.sample(count, label, 10_000 + seed, scale)


def noisy(run: Path, share: float, seed: int) -> Sampler:
    """The generator with noise in its weights: `share` of the standard deviation of each array."""
    sampler, rng = load(run), np.random.default_rng(seed)
    arrays = sampler.generator.get_weights()
    sampler.generator.set_weights(
        [a + share * a.std() * rng.standard_normal(a.shape) if a.ndim > 1 else a for a in arrays]
    )
    return sampler


def without_a_kernel(run: Path, seed: int) -> Sampler:
    """One of its kernels, by the seed, is zero."""
    sampler = load(run)
    arrays = sampler.generator.get_weights()
    kernels = [number for number, array in enumerate(arrays) if array.ndim > 1]
    arrays[kernels[seed % len(kernels)]][:] = 0
    sampler.generator.set_weights(arrays)
    return sampler


def by_int8(model: Path, sampler: Sampler, count: int, seed: int) -> np.ndarray:
    noise, labels = sampler.noise(count, 10_000 + seed), sampler.labels(count, None, 10_000 + seed)
    return to_uint8(LiteRT(model / "model_int8.tflite")(noise, labels))


def damages(
    model: Path, run: Path, count: int
) -> Iterator[tuple[str, Callable[[int], np.ndarray]]]:
    sampler = load(run)
    for share in (0.05, 0.1, 0.2, 0.5):
        yield (
            f"noise of {share:g} in all kernels",
            lambda s, x=share: drawn(noisy(run, x, s), count, s),
        )
    yield "one kernel is zero", lambda s: drawn(without_a_kernel(run, s), count, s)
    yield "blank images", lambda s: np.full((count, *sampler.shape), 50 * (s + 1) % 256, np.uint8)
    yield "noise of half the length", lambda s: drawn(sampler, count, s, 0.5)
    yield (
        "ten images again and again",
        lambda s: np.resize(drawn(sampler, 10, s), (count, *sampler.shape)),
    )
    if sampler.conditional:
        yield "one class for all", lambda s: drawn(sampler, count, s, label=s % 10)
    if (model / "model_int8.tflite").is_file():
        yield "the int8 file, undamaged", lambda s: by_int8(model, sampler, count, s)


def tested(series: list[np.ndarray], reference: np.ndarray) -> dict[str, dict]:
    """By length of the window: how many rang, images until the first alarm, the mean distance."""
    found = {}
    for window in WINDOWS:
        rang, firsts, distances = [], [], []
        for seed, vectors in enumerate(series):
            monitor, own = energy.Monitor(reference, window=window, seed=seed), []
            for vector in vectors:
                if (one := monitor.add(vector)) is not None:
                    own.append(one)
                    distances.append(monitor.distance)
            firsts.append((own.index(True) + 1) * window if True in own else None)
            rang += own
        found[str(window)] = {
            "windows": len(rang), "rang": sum(rang), "first": firsts,
            "distance": round(float(np.mean(distances)), 4),
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=800)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model, run = options.model, options.run
        if run is None:
            run = ganvas.train("mnist", recipe="quick", run=f"{folder}/mnist", kimg=64).folder
            model = ganvas.export(run, f"{folder}/digits", drift=True)
        measure(Path(model), Path(run), options.seeds, options.images)


def measure(model: Path, run: Path, seeds: int, count: int) -> None:
    reference = Reference.read(model)
    if reference is None:
        raise SystemExit(f"{model} was exported without --drift")
    known = reference.classes[ALL]

    def described(images: np.ndarray) -> np.ndarray:
        return np.stack([reference.features(image) for image in images])

    sampler = load(run)
    healthy = [described(drawn(sampler, count, seed)) for seed in range(4 * seeds)]
    results = {"healthy": tested(healthy, known)}
    print("healthy:", results["healthy"], flush=True)
    pool, rng = np.concatenate([known, *healthy]), np.random.default_rng(0)
    for window in WINDOWS:
        p_values = []
        for _ in range(CALIBRATIONS):
            order = rng.permutation(len(pool))[: len(known) + window]
            p_values.append(energy.test(pool[order[:window]], pool[order[window:]], rng))
        results["healthy"][str(window)]["calibrations"] = {
            "tests": CALIBRATIONS, "rang": int((np.array(p_values) <= RATE).sum()),
            "p<=0.05": float((np.array(p_values) <= 0.05).mean()),
        }  # fmt: skip
    print("over calibrations:", results["healthy"], flush=True)
    for name, draw in damages(model, run, count):
        results[name] = tested([described(draw(seed)) for seed in range(seeds)], known)
        print(f"{name}: {results[name]}", flush=True)
    store.add("served_drift", run.name, results)


if __name__ == "__main__":
    main()
