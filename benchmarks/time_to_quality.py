"""How good after how many seconds: `quick` against `classic` and a plain Keras DCGAN, on MNIST.

    python benchmarks/time_to_quality.py [--marks 60 180 ...] [--seeds 3] [--only NAME]

Each contender trains alone for so many seconds of wall-clock (compiling and scoring do not
count) and is scored at the marks. The score is the Fréchet distance of 10,000 images to the
10,000 test images, in the features of a small classifier that `digits.py` trains, as a multiple
of the floor (10,000 real training images against the same test images).
Writes results/time_to_quality.json and .png.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from digits import Judge
from ganvas import images as pictures
from ganvas.assembly import assemble
from ganvas.config import Config, load_recipe
from ganvas.losses import Loss
from ganvas.networks import Networks
from ganvas.sampler import Sampler
from ganvas.training import prepare

RESULTS = Path(__file__).parent / "results"
MARKS = (30, 60, 120, 180, 300, 600)


class KerasGuide(Networks):
    """The DCGAN that the guide "Customizing what happens in fit()" of keras.io trains on MNIST."""

    def generator(self, shape, classes=0):
        noise = keras.Input((128,), name="noise")
        x = layers.LeakyReLU(0.2)(layers.Dense(7 * 7 * 128)(noise))
        x = layers.Reshape((7, 7, 128))(x)
        for _ in range(2):
            x = layers.Conv2DTranspose(128, 4, strides=2, padding="same")(x)
            x = layers.LeakyReLU(0.2)(x)
        x = layers.Conv2D(1, 7, padding="same", activation="sigmoid")(x)
        return keras.Model({"noise": noise}, layers.Rescaling(2.0, -1.0)(x))

    def discriminator(self, shape, classes=0):
        image = keras.Input(shape, name="image")
        x = layers.Rescaling(0.5, 0.5)(image)
        for width in (64, 128):
            x = layers.Conv2D(width, 3, strides=2, padding="same")(x)
            x = layers.LeakyReLU(0.2)(x)
        x = layers.GlobalMaxPooling2D()(x)
        return keras.Model({"image": image}, layers.Dense(1)(x))


class NoisyLabels(Loss):
    """Cross-entropy whose targets are moved by up to 0.05, as in that guide."""

    def discriminator(self, real, fake):
        real_target = 1 - 0.05 * tf.random.uniform(tf.shape(real))
        fake_target = -0.05 * tf.random.uniform(tf.shape(fake))
        entropy = tf.nn.sigmoid_cross_entropy_with_logits
        return 0.5 * (entropy(real_target, real) + entropy(fake_target, fake))

    def generator(self, real, fake):
        return tf.math.softplus(-fake)


def contenders() -> dict[str, tuple[Config, int]]:
    """Name -> (recipe, at most so many seeds)."""
    quick = load_recipe("quick")
    guide = {"networks": "time_to_quality:KerasGuide", "loss": "time_to_quality:NoisyLabels"}
    guide |= {"train.batch": 64, "train.learning_rate": 3e-4, "train.beta1": 0.9}
    guide |= {"train.steps_per_execution": 10, "data.labels": False, "train.ema_kimg": 0.0}
    no_labels = quick.with_values({"data.labels": False})
    return {
        "quick, labels": (quick, 3),
        "quick, no labels": (no_labels, 3),
        "quick, no labels, 50 groups": (no_labels.with_values({"data.clusters": 50}), 1),
        "quick, no labels, no groups": (no_labels.with_values({"data.clusters": 0}), 1),
        "classic": (load_recipe("classic"), 1),
        "warm": (load_recipe("warm"), 1),
        "keras guide": (load_recipe("classic").with_values({**guide, "recipe": "guide"}), 1),
    }


class Clock(keras.callbacks.Callback):
    """Counts seconds of training and scores at the marks."""

    def __init__(self, judge: Judge, sampler: Sampler, marks: list[float], name: str):
        super().__init__()
        self.judge, self.sampler, self.marks, self.name = judge, sampler, marks, name
        self.ticks, self.seconds, self.rows = 0, 0.0, []

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        step = int(self.model.step.numpy())
        self.ticks += 1
        if self.ticks == 1:  # it compiles: counted as long as the second
            return
        self.seconds += (time.perf_counter() - self.began) * (2 if self.ticks == 2 else 1)
        if self.seconds < self.marks[0]:
            return
        images = self.sampler.sample(10_000, seed=1)
        score = self.judge.score(pictures.to_float(images))
        row = {"mark": self.marks.pop(0), "seconds": round(self.seconds, 1), "step": step}
        row |= {"frechet": round(score, 3), "times_floor": round(score / self.judge.floor, 2)}
        row |= {key: round(float(value), 3) for key, value in logs.items()}
        self.rows.append(row)
        print(self.name, row, flush=True)
        pictures.write_png(
            RESULTS
            / "time_to_quality"
            / f"{self.name.replace(', ', '-').replace(' ', '-')}-{row['mark']:g}s.png",
            pictures.grid(images[:100]),
        )
        self.model.stop_training = not self.marks


def contest(name: str, config: Config, seed: int, marks: list[float], judge: Judge) -> dict:
    config = config.with_values({"train.seed": seed, "train.kimg": 1e6})
    began = time.perf_counter()
    config, source = prepare("mnist", config, None)
    gan, plan = assemble(config, source)
    prepared = time.perf_counter() - began
    sampler = Sampler(gan.ema_generator, source.names, source.class_shares)
    clock = Clock(judge, sampler, list(marks), name)
    gan.fit(
        source.stream(plan.batch * plan.turns, seed),
        epochs=10**9,
        steps_per_epoch=plan.execution * 2,
        callbacks=[clock],
        shuffle=False,
        verbose=0,
    )
    steps = clock.rows[-1]["step"]
    return {
        "name": name, "seed": seed, "rows": clock.rows, "prepare_seconds": round(prepared, 1),
        "ms_per_step": round(1000 * clock.seconds / steps, 2),
    }  # fmt: skip


def chart(results: dict) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    colours = {name: f"C{i}" for i, name in enumerate(contenders())}
    labelled = set()
    for run in results["runs"]:
        x = [row["seconds"] for row in run["rows"]]
        y = [row["times_floor"] for row in run["rows"]]
        label = None if run["name"] in labelled else run["name"]
        labelled.add(run["name"])
        axes.plot(x, y, "o-", color=colours[run["name"]], label=label, alpha=0.8, markersize=3)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="seconds of training on two cores",
             ylabel="Fréchet distance, times the floor")  # fmt: skip
    axes.legend(frameon=False)
    figure.savefig(RESULTS / "time_to_quality.png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--marks", type=float, nargs="+", default=MARKS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", help="one contender, added to the results there are")
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    judge = Judge()
    path = RESULTS / "time_to_quality.json"
    results = json.loads(path.read_text()) if options.only and path.exists() else {"runs": []}
    results |= {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "floor": judge.floor, "classifier_accuracy": judge.accuracy,
        "classifier_sha256": judge.sha256(),
        "blank": judge.score(-np.ones((10_000, 28, 28, 1), np.float32)),
    }  # fmt: skip
    print({key: value for key, value in results.items() if key != "runs"}, flush=True)
    for name, (config, seeds) in contenders().items():
        if options.only in (None, name):
            for seed in range(options.first_seed, min(options.seeds, seeds)):
                results["runs"].append(contest(name, config, seed, options.marks, judge))
                path.write_text(json.dumps(results, indent=1) + "\n")
                keras.backend.clear_session()
    chart(results)


if __name__ == "__main__":
    main()
