"""What `fit` adds to the arithmetic, and where the time of a step goes.

    python benchmarks/step_overhead.py [--recipes quick classic] [--rounds 7]

1. A `fit` step against the same `train_step` in a bare `tf.function` loop over the same stream,
   in turn (A B A B ...), over up to a tick, as the median of the ratios.
2. GFLOP/s of the step (its products and convolutions, counted by `flops.py`; a lazy penalty left
   out) against a large matrix product.
3. The input pipeline's share: seconds to draw a batch, over seconds of a step; for `quick` on
   MNIST, and on a folder of 10,000 JPEGs at 64 px (made here) after the first epoch.
Adds to results/step_overhead.jsonl.

    python benchmarks/step_overhead.py --torch PYTHON

Instead: a step's CPU and wall seconds against the same step in PyTorch's eager mode
(`torch_step.py`), by a Python that has PyTorch: networks with equally many weights, loss, lazy R1,
Adam, batch and labels, in turn (A B A B ...), as medians of the ratios. Both have one thread:
beside other work, PyTorch's threads wait actively for each other, which counts as CPU time. The
images of 64 px are random; `small-folder` is without its augmentation on both sides; loading
batches is part of the step of ganvas only. Adds to results/step_overhead.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import PIPE

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


DEFAULT = ("quick", "classic")
COMPARED = ("classic", "quick", "sngan", "rgb64", "small-folder")


def against_torch(python: str, recipes: Sequence[str], rounds: int) -> None:
    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode:
        print(f"not run: {python} has no PyTorch")
        return
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "random.npz")
        images = np.random.default_rng(0).integers(0, 256, (512, 64, 64, 3), dtype=np.uint8)
        np.savez(photos, images=images)
        for recipe in recipes:
            colour = recipe in ("rgb64", "small-folder")
            result = compared(recipe, str(photos) if colour else "mnist", python, rounds)
            print(recipe, json.dumps(result), flush=True)
            store.add("step_overhead", f"torch-{recipe}", result)


def compared(recipe: str, images: str, python: str, rounds: int) -> dict:
    """Medians of ganvas / PyTorch over the rounds, and ganvas's own milliseconds."""
    config, source = prepare(images, recipe, {"data.clusters": 0})
    config = config.model_copy(update={"augment": None})
    gan, plan = assemble(config, source)
    iterator = iter(source.stream(plan.batch * plan.turns, 0))

    @tf.function
    def loop(iterator, steps) -> None:
        for _ in tf.range(steps):
            gan.train_step(next(iterator))

    form = torch_form(config, source)
    words = [python, str(Path(__file__).with_name("torch_step.py")), json.dumps(form)]
    with subprocess.Popen(words, stdin=PIPE, stdout=PIPE, text=True) as other:
        about = json.loads(other.stdout.readline())
        own = [sum(int(np.prod(w.shape)) for w in network.trainable_variables)
               for network in (gan.generator, gan.discriminator)]  # fmt: skip
        assert about["weights"] == own, (recipe, about["weights"], own)
        loop(iterator, tf.constant(form["every"]))
        once = seconds(lambda: loop(iterator, tf.constant(form["every"]))) / form["every"]
        steps = form["every"] * math.ceil(0.7 / once / form["every"])

        def theirs() -> list[float]:
            other.stdin.write(f"{steps}\n")
            other.stdin.flush()
            return json.loads(other.stdout.readline())

        theirs()
        pairs = []
        for _ in range(rounds):
            cpu, wall = time.process_time(), time.perf_counter()
            loop(iterator, tf.constant(steps))
            pairs.append(((time.process_time() - cpu, time.perf_counter() - wall), theirs()))
        other.stdin.close()
    ratios = [[a / b for a, b in zip(*pair, strict=True)] for pair in pairs]
    return {
        "torch": about["torch"], "threads": form["threads"], "steps": steps, "weights": own,
        "cpu_ratio": round(statistics.median(cpu for cpu, _ in ratios), 3),
        "wall_ratio": round(statistics.median(wall for _, wall in ratios), 3),
        "all_cpu_ratios": [round(cpu, 3) for cpu, _ in ratios],
        "cpu_ms_per_step": round(1000 * statistics.median(a[0] for a, _ in pairs) / steps, 1),
        "torch_cpu_ms_per_step": round(1000 * statistics.median(b[0] for _, b in pairs) / steps, 1),
    }  # fmt: skip


def torch_form(config, source) -> dict:
    """The step of a recipe, for `torch_step.Form`."""
    train, networks = config.train, config.networks
    r1 = next((p for p in config.penalties if p["name"] == "r1"), {"weight": 0.0, "every": 1})
    rates = (train.learning_rate, train.discriminator_learning_rate or train.learning_rate)
    return {
        "network": networks["name"], "side": source.shape[0], "channels": source.shape[2],
        "batch": train.batch, "noise": networks.get("noise", 100),
        "width": networks.get("width", 64), "max_width": networks.get("max_width", 256),
        "std": networks.get("minibatch") == "std", "hinge": config.loss["name"] == "hinge",
        "r1": r1["weight"], "every": r1.get("every", 1), "rates": rates,
        "betas": (train.beta1, train.beta2), "ema": 1000 * train.ema_kimg,
        "threads": 1, "classes": source.classes,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", nargs="*", help="default: quick classic; with --torch five")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--torch", metavar="PYTHON", help="compare with PyTorch in this Python")
    options = parser.parse_args()
    if options.torch:
        against_torch(options.torch, options.recipes or COMPARED, options.rounds)
        return
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "matmul_gflops_per_second": round(matmul_gflops(), 1),
        "recipes": [overhead(recipe, options.rounds) for recipe in options.recipes or DEFAULT],
        "jpeg_folder": jpeg_folder("quick"),
    }
    print(json.dumps(result, indent=1))
    store.add("step_overhead", "report", result)


if __name__ == "__main__":
    main()
