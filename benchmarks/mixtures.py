"""Which losses keep all modes of a mixture: ring of 8 and grid of 25 Gaussians in the plane.

    python benchmarks/mixtures.py [--steps 10000] [--seeds 3] [--part 0/2] [--only METHOD]

PacGAN's protocol (arXiv:1712.04086, section 4.1: data, noise in the plane, batch 100, 2,500
test points, high quality = within 3 standard deviations of a mode, a mode counts with one such
point) at a reduced budget: networks of 128 units instead of 400 and 200, 10,000 steps instead
of 400,000, Adam from 1e-3 to 0 along a cosine instead of 1e-4, points of the averaged generator,
for every method alike. Reverse KL is of the modes that
points of high quality fall to, to the uniform distribution, in nats.

Each run is a line of results/mixtures.jsonl, and is not run again; `--part i/n` takes every n-th,
so that several processes share the work. Writes results/mixtures.md and docs/pictures/mixtures/:
a figure per data set.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import store
from ganvas.gan.layers import MinibatchDiscrimination, Pack, SpectralNorm
from ganvas.gan.losses import LOSSES
from ganvas.gan.model import GAN
from ganvas.gan.optimizers import Adam, Decay
from ganvas.gan.penalties import R1, R2, GradientPenalty
from jobs import interval, parser, pick, run_all

BATCH, POINTS, UNITS = 100, 2500, 128

angles = 2 * np.pi * np.arange(8) / 8
DATA = {  # centres [K, 2], standard deviation
    "ring": (np.stack([np.cos(angles), np.sin(angles)], 1), 0.01),
    "grid": (np.stack(np.meshgrid(*[np.arange(-4, 5, 2.0)] * 2), -1).reshape(-1, 2), 0.05),
}
METHODS = {  # loss, penalties, of the discriminator
    "nonsaturating": ("nonsaturating", [], {}),
    "nonsaturating, packs of 3": ("nonsaturating", [], {"pack": 3}),
    "nonsaturating, minibatch discrimination": ("nonsaturating", [], {"minibatch": True}),
    "least squares": ("least-squares", [], {}),
    "hinge, spectral norm": ("hinge", [], {"spectral": True}),
    "wasserstein, gradient penalty 0.1": ("wasserstein", [GradientPenalty(0.1)], {}),
    "nonsaturating, R1 + R2": ("nonsaturating", [R1(0.1), R2(0.1)], {}),
    "relativistic": ("relativistic", [], {}),
    "relativistic, R1": ("relativistic", [R1(0.1)], {}),
    "relativistic, R1 + R2": ("relativistic", [R1(0.1), R2(0.1)], {}),
    "relativistic, lazy R1 + R2": ("relativistic", [R1(0.1, 8), R2(0.1, 8)], {}),
    "relativistic, R1 + R2 of 1": ("relativistic", [R1(1.0), R2(1.0)], {}),
    "relativistic, lazy R1 + R2 of 1": ("relativistic", [R1(1.0, 8), R2(1.0, 8)], {}),
}


def generator() -> keras.Model:
    noise = keras.Input((2,), name="noise")
    x = noise
    for _ in range(4):
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Dense(UNITS)(x)))
    return keras.Model({"noise": noise}, layers.Reshape((1, 1, 2))(layers.Dense(2)(x)))


def discriminator(pack: int = 1, minibatch: bool = False, spectral: bool = False) -> keras.Model:
    """Three maxout layers of five pieces each."""

    def dense(width: int) -> keras.Layer:
        return (
            SpectralNorm(layers.Dense(width, use_bias=False)) if spectral else layers.Dense(width)
        )

    image = keras.Input((1, 1, 2), name="image")
    x = layers.Reshape((2,))(image)
    x = Pack(pack)(x) if pack > 1 else x
    for _ in range(3):
        x = layers.Reshape((UNITS, 5))(dense(5 * UNITS)(x))
        x = layers.Reshape((UNITS,))(layers.GlobalMaxPooling1D(data_format="channels_first")(x))
    x = MinibatchDiscrimination(32, 5)(x) if minibatch else x
    return keras.Model({"image": image}, dense(1)(x))


def play(data: str, method: str, seed: int, steps: int) -> dict:
    centres, spread = DATA[data]
    loss, penalties, options = METHODS[method]
    keras.utils.set_random_seed(seed)
    gan = GAN(generator(), discriminator(**options), LOSSES[loss](), penalties,
              ema_images=5_000, seed=seed)  # fmt: skip
    # Networks this small gain from XLA on a CPU too: two to three times the speed.
    generator_adam, discriminator_adam = (
        Adam(Decay(1e-3, steps, "cosine", 0.0), 0.8) for _ in range(2)
    )
    gan.compile(generator_adam, discriminator_adam, steps_per_execution=200, jit_compile=True)
    batch = BATCH // options.get("pack", 1) * options.get("pack", 1) * gan.turns

    def draw(k):
        seeds = tf.stack([tf.constant(seed, tf.int64), k])
        mode = tf.random.stateless_uniform((batch,), seeds, 0, len(centres), tf.int32)
        noise = tf.random.stateless_normal((batch, 2), seeds + 7)
        points = tf.gather(tf.constant(centres, tf.float32), mode) + spread * noise
        return tf.reshape(points, (batch, 1, 1, 2))

    stream = tf.data.Dataset.counter().map(draw).prefetch(4)
    plain = tf.data.Options()
    plain.autotune.enabled = False  # its thread holds up the end of a jit-compiled fit for seconds
    began = time.perf_counter()
    gan.fit(stream.with_options(plain), epochs=steps // 200, steps_per_epoch=200, shuffle=False,
            verbose=0)  # fmt: skip
    seconds = time.perf_counter() - began
    noise = np.random.default_rng(0).standard_normal((POINTS, 2)).astype(np.float32)
    points = gan.ema_generator({"noise": noise}, training=False).numpy().reshape(-1, 2)
    return {"data": data, "method": method, "seed": seed, "steps": steps,
            "seconds": round(seconds, 1), **judge(points, centres, spread),
            "points": np.round(points[:1000], 3).tolist()}  # fmt: skip


def judge(points: np.ndarray, centres: np.ndarray, spread: float) -> dict:
    """Modes captured, share of points of high quality, reverse KL in nats."""
    apart = np.linalg.norm(points[:, None] - centres[None], axis=2)
    nearest, good = apart.argmin(1), apart.min(1) < 3 * spread
    counts = np.bincount(nearest[good], minlength=len(centres))
    share = counts[counts > 0] / max(1, counts.sum())
    kl = float((share * np.log(share * len(centres))).sum()) if counts.any() else None
    return {"modes": int((counts > 0).sum()), "high_quality": float(good.mean()), "kl": kl}


def table(runs: list[dict]) -> str:
    rows = []
    for method in METHODS:
        row = [method]
        for data in DATA:
            for key, form in (("modes", ".1f"), ("high_quality", ".0%"), ("kl", ".2f")):
                row.append(interval(pick(runs, key, data=data, method=method), form))
        rows.append(row)
    head = ["method"]
    for data, (centres, _) in DATA.items():
        head += [f"{data}: modes of {len(centres)}", "high quality", "reverse KL"]
    return store.markdown(head, rows)


def chart(runs: list[dict], data: str) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, grid = pyplot.subplots(2, 7, figsize=(14, 4.2), layout="constrained")
    centres, _ = DATA[data]
    for axes in grid.flat:
        axes.axis("off")
    for axes, method in zip(grid.flat, METHODS, strict=False):
        mine = [r for r in runs if (r["data"], r["method"]) == (data, method)]
        if not mine:
            continue
        points = np.array(sorted(mine, key=lambda r: r["seed"])[0]["points"])
        axes.scatter(*centres.T, s=30, facecolors="none", edgecolors="0.7", linewidths=0.7)
        axes.scatter(*points.T, s=1, color="C0", alpha=0.4)
        limit = 1.2 * np.abs(centres).max()
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axes.set_title(method.replace(", ", ",\n"), fontsize=7)
    figure.savefig(store.picture("mixtures", data), dpi=110)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=10_000)
    chosen = options.parse_args()
    jobs = [
        (data, method, seed) for seed in range(chosen.seeds) for data in DATA for method in METHODS
    ]
    runs = run_all("mixtures", jobs, lambda *job: play(*job, chosen.steps), chosen)
    store.write_table("mixtures", table(runs))
    for data in DATA:
        chart(runs, data)


if __name__ == "__main__":
    main()
