"""How good after how many seconds: `quick` against `classic` and a plain Keras DCGAN, on MNIST.

    python benchmarks/time_to_quality.py [--marks 60 180 ...] [--seeds 3] [--part 0/2] [--only NAME]

First the pace: all contenders take turns of a few seconds, alone on the machine, and the median is
what a step costs. Then each trains for as many steps as fit into each mark at that pace, and is
scored there: so contenders are compared at equal wall-clock, and a disturbed machine costs time,
not truth. Schedules over the run end at its last mark. Compiling and scoring do not count. The
score is the Fréchet distance of 10,000 images to the 10,000 test images, in the features of a small
classifier that `digits.py` trains, as a multiple of the floor (10,000 real training images against
the same test images).

The pace and each run are lines of results/time_to_quality.jsonl; neither is made twice. Writes
results/time_to_quality.md and, in docs/pictures/time_to_quality/, a chart and images.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from functools import cache

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import store
from digits import DigitScores
from ganvas import images as pictures
from ganvas.config import Config, load_recipe
from ganvas.gan.losses import Loss
from ganvas.gan.networks import Networks
from ganvas.sampling.sampler import Sampler
from ganvas.training.assembly import assemble
from ganvas.training.train import prepare
from jobs import interval, parser, pick, run_all

MARKS = (30, 60, 120, 180, 300, 600)
TOPIC = "time_to_quality"
ROUNDS, ROUND_SECONDS = 5, 4.0


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


def contenders() -> dict[str, tuple[Config, int, int]]:
    """Name -> (recipe, at most so many seeds, last mark in seconds)."""
    quick = load_recipe("quick")
    guide = {"networks": "time_to_quality:KerasGuide", "loss": "time_to_quality:NoisyLabels"}
    guide |= {"train.batch": 64, "train.learning_rate": 3e-4, "train.beta1": 0.9}
    guide |= {"train.steps_per_execution": 10, "data.labels": False, "train.ema_kimg": 0.0}
    no_labels = quick.with_values({"data.labels": False})
    no_groups = no_labels.with_values({"data.clusters": 0})
    classic = load_recipe("classic")
    guide |= {"recipe": "guide"}
    return {
        "quick, labels": (quick, 3, 600),
        "quick, no labels": (no_labels, 3, 600),
        "quick, no labels, no groups": (no_groups, 1, 180),
        "classic": (classic, 1, 600),
        "warm": (load_recipe("warm"), 1, 300),
        "keras guide": (classic.with_values(guide), 1, 180),
    }


@cache
def digit_scores() -> DigitScores:
    return DigitScores()


class Game:
    """A contender in play."""

    def __init__(self, config: Config, seed: int = 0, steps: float = 1e7):
        images = config.train.batch * config.train.discriminator_steps
        config = config.with_values({"train.seed": seed, "train.kimg": steps * images / 1000})
        config, self.source = prepare("mnist", config, None)
        self.gan, self.plan = assemble(config, self.source)
        self.seed = seed
        self.last: dict[str, float] = {}

    def play(self, executions: int) -> float:
        """Go on for so many executions. Returns seconds, those of starting `fit` included."""
        began = time.perf_counter()
        step, plan = int(self.gan.step.numpy()), self.plan
        goal = step + executions * plan.execution
        while step < goal:
            warming_up = step < plan.warmup
            if warming_up != self.gan.warming_up:
                self.gan.warm_up(warming_up)
            steps = min(goal, plan.warmup if warming_up else goal) - step
            stream = self.source.stream(plan.batch * plan.turns, self.seed, plan.position(step))
            history = self.gan.fit(stream, epochs=1, steps_per_epoch=steps, shuffle=False,
                                   verbose=0)  # fmt: skip
            step += steps
        self.last = {key: round(float(values[-1]), 3) for key, values in history.history.items()}
        return time.perf_counter() - began

    def draw(self) -> np.ndarray:
        sampler = Sampler(self.gan.ema_generator, self.source.names, self.source.class_shares)
        return sampler.sample(10_000, seed=1)


def pace() -> dict[str, float]:
    """Milliseconds of a step of each contender, measured alone and in turn."""
    known = store.read(TOPIC).get("pace")
    if known:
        return known["ms_per_step"]
    games = {  # a warm-up's steps are cheaper than those it is measured by
        name: Game(config.with_values({"train.warmup_kimg": 0}))
        for name, (config, *_) in contenders().items()
    }
    once = {}
    for name, game in games.items():
        game.play(1)  # compiles
        once[name] = max(1, round(ROUND_SECONDS / game.play(1)))
    rounds: dict[str, list[float]] = {name: [] for name in games}
    for _ in range(ROUNDS):
        for name, game in games.items():
            steps = once[name] * game.plan.execution
            rounds[name].append(1000 * game.play(once[name]) / steps)
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        "ms_per_step": {name: round(statistics.median(ms), 2) for name, ms in rounds.items()},
        "rounds": {name: [round(one, 2) for one in ms] for name, ms in rounds.items()},
    }
    store.add(TOPIC, "pace", report)
    print(report, flush=True)
    keras.backend.clear_session()
    return report["ms_per_step"]


def contest(name: str, seed: int, marks: Sequence[float]) -> dict:
    config, _, last = contenders()[name]
    ms, rows, step = pace()[name], [], 0
    marks = [mark for mark in marks if mark <= last]
    game = Game(config, seed, 1000 * marks[-1] / ms)
    for mark in marks:
        executions = max(1, round((1000 * mark / ms - step) / game.plan.execution))
        game.play(executions)
        step += executions * game.plan.execution
        drawn = game.draw()
        score = digit_scores().score(pictures.to_float(drawn))
        ratio = round(score / digit_scores().floor, 2)
        rows.append({"mark": mark, "step": step, "frechet": round(score, 3),
                     "times_floor": ratio, **game.last})  # fmt: skip
        print(name, seed, rows[-1], flush=True)
        if seed == 0:
            place = store.picture(TOPIC, f"{name}-{mark:g}s")
            pictures.write_png(place, pictures.grid(drawn[:100]))
    return {"name": name, "seed": seed, "rows": rows}


def table(runs: list[dict], marks: Sequence[float]) -> str:
    rows = [{"name": run["name"], **row} for run in runs for row in run["rows"]]
    lines = []
    for name in contenders():
        cells = [interval(pick(rows, "times_floor", name=name, mark=m), ".2f") for m in marks]
        if set(cells) != {"-"}:
            seeds = len({run["seed"] for run in runs if run["name"] == name})
            lines.append([name, str(seeds), f"{pace()[name]:g}", *cells])
    return store.markdown(["contender", "seeds", "ms a step", *(f"{m:g} s" for m in marks)], lines)


def chart(runs: list[dict]) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    colours = {name: f"C{i}" for i, name in enumerate(contenders())}
    labelled = set()
    for run in runs:
        x = [row["mark"] for row in run["rows"]]
        y = [row["times_floor"] for row in run["rows"]]
        label = None if run["name"] in labelled else run["name"]
        labelled.add(run["name"])
        axes.plot(x, y, "o-", color=colours[run["name"]], label=label, alpha=0.8, markersize=3)
    axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="seconds of training on two cores",
             ylabel="Fréchet distance, times the floor")  # fmt: skip
    axes.legend(frameon=False)
    figure.savefig(store.picture(TOPIC, "chart"), dpi=120)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--marks", type=float, nargs="+", default=MARKS)
    chosen = options.parse_args()
    pace()
    jobs = [
        (name, seed)
        for seed in range(chosen.seeds)
        for name, (_, seeds, _) in contenders().items()
        if seed < seeds
    ]
    runs = run_all(TOPIC, jobs, lambda *job: contest(*job, chosen.marks), chosen)
    runs = [run for run in runs if "rows" in run]  # not the pace, nor runs by an earlier protocol
    blank = digit_scores().score(-np.ones((10_000, 28, 28, 1), np.float32)) / digit_scores().floor
    text = table(runs, chosen.marks) + (
        f"\nTimes the floor of {digit_scores().floor:.3f}; blank images: {blank:.0f}. "
        f"The classifier: {digit_scores().accuracy:.1%}, sha256 {digit_scores().sha256()[:12]}.\n"
    )
    store.write_table(TOPIC, text)
    chart(runs)


if __name__ == "__main__":
    main()
