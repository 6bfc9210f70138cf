"""What `fit` adds to the arithmetic, and where the time of a step goes.

    python benchmarks/step_overhead.py [--recipes quick classic] [--rounds 7]

1. A `fit` step against the same `train_step` in a bare `tf.function` loop over the same stream,
   in turn (A B A B ...), over up to a tick, as the median of the ratios.
2. GFLOP/s of the step (its products and convolutions, counted by `flops.py`; a lazy penalty left
   out) against a large matrix product.
3. The input pipeline's share: seconds to draw a batch, over seconds of a step; for `quick` on
   MNIST, and on a folder of 10,000 JPEGs at 64 px (made here) after the first epoch.
Adds to results/step_overhead.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import store
from flops import count
from ganvas.training.assembly import assemble
from ganvas.training.train import prepare

SECONDS = 8.0
"""Of a timed stretch, at most a tick: what a run plays between two saved states."""


def seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def overhead(recipe: str, rounds: int) -> dict:
    config, source = prepare("mnist", recipe, None)
    gan, plan = assemble(config, source)
    stream = source.stream(plan.batch * plan.turns, 0)

    @tf.function
    def loop(iterator, steps) -> None:
        for _ in tf.range(steps):
            gan.train_step(next(iterator))

    iterator = iter(stream)
    loop(iterator, tf.constant(1))  # compile
    once = seconds(lambda: loop(iterator, tf.constant(plan.execution))) / plan.execution
    steps = min(plan.tick, plan.execution * math.ceil(SECONDS / once / plan.execution))

    turns = InTurn(lambda: loop(iterator, tf.constant(steps)))
    gan.fit(
        stream, epochs=rounds + 1, steps_per_epoch=steps, callbacks=[turns], shuffle=False,
        verbose=0,
    )  # fmt: skip
    pairs = turns.pairs[1:]  # the first compiled
    per_step = statistics.median(b for _, b in pairs) / steps
    flops = count(tf.function(gan.train_step).get_concrete_function(next(iter(stream))).graph)
    return {
        "recipe": recipe,
        "fit_over_loop": round(statistics.median(a / b for a, b in pairs), 3),
        "steps": steps,
        "all_ratios": [round(a / b, 3) for a, b in pairs],
        "ms_per_step": round(1000 * per_step, 2),
        "gflop_per_step": round(flops / 1e9, 2),
        "gflops_per_second": round(flops / per_step / 1e9, 1),
        "input_share": round(input_seconds(source, plan) / per_step, 4),
    }


class InTurn(keras.callbacks.Callback):
    """Seconds of each tick, and of other work between the ticks."""

    def __init__(self, other):
        super().__init__()
        self.other, self.pairs = other, []

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        spent = time.perf_counter() - self.began
        self.pairs.append((spent, seconds(self.other)))


def input_seconds(source, plan, batches: int = 200, rounds: int = 9) -> float:
    """Seconds to draw one batch when nothing else runs: the median of some rounds, for now and
    then a round is held up tenfold."""
    iterator = iter(source.stream(plan.batch * plan.turns, 0))
    next(iterator)
    return statistics.median(
        seconds(lambda: [next(iterator) for _ in range(batches)]) / batches for _ in range(rounds)
    )


def matmul_gflops(size: int = 3000) -> float:
    a = tf.random.stateless_normal((size, size), (0, 1))
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, a)))
    product()
    return 2 * size**3 / min(seconds(lambda: product().numpy()) for _ in range(5)) / 1e9


def jpeg_folder(recipe: str) -> dict:
    """The pipeline's share on 10,000 JPEGs at 64 px."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(10_000):
            coarse = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((80, 72), Image.Resampling.BICUBIC)
            image.save(Path(folder, f"{i:05d}.jpg"))
        began = time.perf_counter()
        config, source = prepare(folder, recipe, {"data.size": 64, "data.clusters": 0})
        checked = time.perf_counter() - began
        gan, plan = assemble(config, source)
        stream = source.stream(plan.batch * plan.turns, 0)
        options = {"epochs": 1, "steps_per_epoch": plan.execution, "shuffle": False, "verbose": 0}
        gan.fit(stream, **options)
        per_step = seconds(lambda: gan.fit(stream, **options)) / plan.execution
        draw = input_seconds(source, plan)
    return {
        "images": 10_000, "checkup_seconds": round(checked, 1),
        "ms_per_step": round(1000 * per_step, 2), "input_share": round(draw / per_step, 4),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="*", default=["quick", "classic"])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "matmul_gflops_per_second": round(matmul_gflops(), 1),
        "recipes": [overhead(recipe, options.rounds) for recipe in options.recipes],
        "jpeg_folder": jpeg_folder("quick"),
    }
    print(json.dumps(result, indent=1))
    store.add("step_overhead", "report", result)


if __name__ == "__main__":
    main()
