"""Draws the pictures of docs/theory; what they show is computed by the package's own code.

    .venv/bin/python scripts/theory_pictures.py [NAME ...]

Writes docs/pictures/theory/NAME.png for the pictures named, or for all of them (minutes).
"""

# ruff: noqa: B905
import os
import sys
from pathlib import Path

os.environ |= {"MPLBACKEND": "agg", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import numpy as np
import tensorflow as tf
from matplotlib import pyplot as plt

from ganvas import data, images
from ganvas.gan import augment, layers, model as gan, networks, optimizers, penalties
from ganvas.gan.losses import LOSSES, NonSaturating, Relativistic

TARGET = Path(__file__).parent.parent / "docs/pictures/theory"
MNIST = data.load("mnist", data.Options(holdout=0))
REAL, FAKE, SEED = "tab:blue", "tab:orange", tf.constant([1, 2])
STYLE = {"figure.constrained_layout.use": True, "font.size": 8.5, "legend.frameon": False}


def digits(count: int, label: int | None = None) -> tf.Tensor:
    """The first digits (of one label), [N, 28, 28, 1] in [-1, 1]."""
    rows = np.arange(count) if label is None else np.flatnonzero(MNIST.labels == label)
    return tf.constant(images.to_float(MNIST.pixels(rows[:count])))


def play(loss: str, steps: int, parts=(), rates=(1e-3, 1e-3), warmup=0, classes=0, **options):
    """A small game on MNIST; returns it and its log, a row per step."""
    keras.utils.set_random_seed(0)
    pair, shape, log = networks.DCGAN(16, 8, 8), (28, 28, 1), []
    players = pair.generator(shape, classes), pair.discriminator(shape, classes)
    game = gan.GAN(*players, LOSSES[loss](), parts, **options)
    game.compile(*(optimizers.Adam(rate, 0.5, 0.99) for rate in rates))
    for number, (batch, label) in enumerate(MNIST.stream(32, seed=0).take(steps)):
        if number in (0, warmup):
            game.warm_up(number < warmup)
            step = tf.function(game.train_step, autograph=False)
        game.reset_metrics()
        said = step((batch, label) if classes else batch)
        memory = {v.name: v for part in parts for v in part.variables}
        said = {**said, **memory, "gap": said["real"] - said["fake"]}
        log.append({name: float(value) for name, value in said.items()})
    return game, log


def curve(axis: plt.Axes, log: list[dict[str, float]], key: str, *style, **options) -> None:
    """A log's values, each the mean of ten steps."""
    means = np.reshape([row[key] for row in log], (-1, 10)).mean(1)
    axis.plot(range(5, len(log), 10), means, *style, **options)


def sheet(axis: plt.Axes, drawn: tf.Tensor, columns: int, words=(), **options) -> None:
    """Images row by row, with a word before each row."""
    axis.imshow(images.grid(images.to_uint8(drawn), columns)[..., 0], "gray", vmin=0, vmax=255)
    axis.set(xticks=[], **options)
    axis.set_yticks([(i + 0.5) * (drawn.shape[1] + 2) - 1 for i in range(len(words))], words)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def losses(*axes: plt.Axes) -> None:
    x, zero = tf.linspace(-4.0, 4.0, 81)[:, None], tf.zeros(1)  # batches of one image
    for axis, (name, kind) in zip(axes, sorted(LOSSES.items())):
        d, g = kind().discriminator, kind().generator
        axis.plot(x, [d(a, zero) for a in x], color=REAL, lw=3, alpha=0.6, label="D, real at x")
        axis.plot(x, [d(zero, a) for a in x], color=FAKE, lw=3, alpha=0.6, label="D, fake at x")
        axis.plot(x, [g(zero, a) for a in x], "k:", label="G, fake at x")
        axis.set(title=name, ylim=(-4.5, 6.5), xticks=[-4, -2, 0, 2, 4], xlabel="logit x")
    axes[-1].axis("off")
    axes[-1].legend(*axes[0].get_legend_handles_labels(), loc="center")


def wasserstein(axis: plt.Axes) -> None:
    slope = [penalties.GradientPenalty()]
    ways = {"no bound": {}, "clip = 0.01": {"clip": 0.01}, "gradient penalty": {"parts": slope}}
    for word, options in ways.items():
        curve(axis, play("wasserstein", 300, warmup=300, **options)[1], "gap", label=word)
    axis.set(yscale="log", xlabel="turns of the critic alone", ylabel="D(real) − D(fake)")
    axis.legend()


def time_scales(axis: plt.Axes) -> None:
    ways = {"equal rates": {}, "D faster": {"rates": (1e-3, 2e-3)}, "warm-up": {"warmup": 100}}
    for word, options in ways.items():
        curve(axis, play("hinge", 300, **options)[1], "gap", label=word)
    axis.set(xlabel="step", ylabel="D(real) − D(fake)")
    axis.legend()


def relativistic(*axes: plt.Axes) -> None:
    real, fake = tf.meshgrid(*[tf.linspace(-5.0, 5.0, 101)] * 2)
    for axis, loss in zip(axes, (NonSaturating(), Relativistic())):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            paid = loss.generator(real, fake)
        shown = axis.contourf(real, fake, -tape.gradient(paid, fake), np.linspace(0, 1, 11))
        axis.set(title=type(loss).__name__, xlabel="D(real)", ylabel="D(fake)", aspect="equal")
    plt.colorbar(shown, ax=axes, label="how hard the fake is pulled up")


def mark(x: tf.Tensor) -> tf.Tensor:
    plt.scatter(*tf.transpose(x[:, 0, 0]), s=25, fc="none", ec="0.2", lw=0.7)
    return tf.zeros_like(x)


def gradient_penalties(*axes: plt.Axes) -> None:
    marking = tf.custom_gradient(lambda x: (x[:, 0, 0], lambda _: mark(x)))  # where asked why
    angle = tf.random.uniform((60,), 0.3, 2.8)
    noise = 0.04 * tf.random.stateless_normal((2, 60, 2), SEED)
    real, fake = tf.stack([tf.cos(angle), tf.sin(angle)], 1) + noise[0], [[0.2, -0.6]] + noise[1]
    for axis, name in zip(axes, ("r1", "r2", "gradient", "dragan")):
        plt.sca(axis)
        axis.scatter(*tf.transpose(real), s=8, color=REAL)
        axis.scatter(*tf.transpose(fake), s=8, color=FAKE)
        said = [penalties.Critique(marking, points[:, None, None]) for points in (real, fake)]
        penalties.PENALTIES[name](1.0).per_image(*said, SEED)
        axis.set(title=name, aspect="equal", xticks=[], yticks=[])


def lecam(*axes: plt.Axes) -> None:
    for axis, parts in zip(axes, ([], [penalties.LeCam(0.3)])):
        _, log = play("hinge", 300, parts)
        for kind, colour in (("real", REAL), ("fake", FAKE)):
            curve(axis, log, kind, label=f"D({kind})", color=colour)
            if parts:
                curve(axis, log, f"lecam_{kind}", "--", label="its average", color=colour)
        axis.set(title="hinge, lecam 0.3" if parts else "hinge", xlabel="step", ylim=(-2, 2.5))
    axes[1].legend(ncols=2)


def consistency(*axes: plt.Axes) -> None:
    moved = augment.DiffAugment("translation")(digits(300), SEED)
    for axis, parts in zip(axes, ([], [penalties.Consistency()])):
        game, _ = play("hinge", 300, parts)
        axis.axline((0, 0), slope=1, color="0.5", lw=0.8)
        axis.scatter(*(game.logits(x, None, False)[:, 0] for x in (digits(300), moved)), s=6)
        axis.set(title="hinge, consistency" if parts else "hinge", xlabel="D(x)", ylabel="D(T(x))")


def spectral_norm(*axes: plt.Axes) -> None:
    kinds = keras.layers.Dense(64, use_bias=False), keras.layers.Conv2D(64, 4, use_bias=False)
    for axis, kind in zip(axes, kinds):
        layer = layers.SpectralNorm(kind)
        layer.build((None, 8, 8, 256))
        axis.axhline(np.linalg.norm(layer.matrix(), 2), color="0.2", label="by SVD")
        axis.plot([layer.sigma(training=True) for _ in range(40)], "--", label="of the layer")
        axis.set(title=type(kind).__name__, xlabel="training call", ylabel="σ")
        axis.legend()


def minibatch(*axes: plt.Axes) -> None:
    near, std = layers.MinibatchDiscrimination(), layers.MinibatchStd()
    copies = tf.repeat(digits(1), 64, 0) + tf.random.normal((64, 28, 28, 1), 0, 0.05)
    for axis, (word, batch) in zip(axes, (("varied", digits(64)), ("near-copies", copies))):
        sheet(axis, batch[:16], 4, title=f"{word}: std {float(std(batch)[0, 0, 0, 1]):.2f}")
        features = near(tf.reshape(batch, (64, 784)))[:, 784:]
        axes[2].hist(tf.reshape(features, [-1]), np.arange(-1, 63, 1.5), label=word, alpha=0.7)
    axes[2].set(xlabel="nearness, 64 images × 100 features", yticks=[])
    axes[2].legend(loc="center")


def packing(*axes: plt.Axes) -> None:
    batches = {"real": digits(16), "one mode": tf.repeat(digits(1), 16, 0)}
    for axis, (word, batch) in zip(axes, batches.items()):
        packs = tf.transpose(layers.Pack(4)(batch), (0, 3, 1, 2))  # from the channels of 4 packs
        sheet(axis, tf.reshape(packs, (16, 28, 28, 1)), 4, ["a pack"] * 4, title=word)


def attention(*axes: plt.Axes) -> None:
    attend, maps = layers.SelfAttention(), tf.random.stateless_normal((64, 20, 20, 16), SEED)
    attend.build(maps.shape)
    attend.gamma.assign(1.0)
    convs = keras.Sequential([keras.layers.Conv2D(16, 3, padding="same") for _ in range(3)])
    for axis, layer, word in zip(axes, (convs, attend), ("three 3×3 convolutions", "attention")):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            place = tf.reduce_sum(layer(maps)[:, 5, 6])
        slope = tf.reduce_mean(tf.norm(tape.gradient(place, maps), axis=3), axis=0)
        slope = np.log10(np.maximum(slope / tf.reduce_max(slope), 1e-4))
        shown = axis.imshow(slope, vmin=-4, vmax=0)
        axis.set(title=word, xticks=[], yticks=[])
    plt.colorbar(shown, ax=axes, label="log₁₀ of its pull on one place")


def conditional(*axes: plt.Axes) -> None:
    game, _ = play("hinge", 1000, classes=10, rates=(2e-3, 4e-3))
    label = tf.tile(tf.range(10), [50])
    shown = [tf.repeat(digits(50, kind), 10, 0) for kind in range(10)]
    asked = np.mean([tf.reshape(game.logits(x, label, False), (50, 10)) for x in shown], axis=1)
    heat = axes[0].imshow(asked - asked.mean(0) - asked.mean(1, keepdims=True) + asked.mean())
    axes[0].set(xlabel="label asked about", ylabel="digit shown", title="D(x, y), centred")
    plt.colorbar(heat, ax=axes[0])
    drawn = game.generate(tf.repeat(tf.random.normal((10, 16)), 10, 0), label[:100], training=False)
    sheet(axes[1], drawn, 10, title="a noise a row, a label a column")


def resampling(*axes: plt.Axes) -> None:
    y, x = np.mgrid[-32:32, -32:32].astype(np.float32)
    rings, digit = tf.cos(0.04 * (x**2 + y**2))[None, :, :, None], digits(1)[:, 6:22, 6:22]
    sheet(axes[0], rings, 1, title="64 px")
    sheet(axes[5], digit, 1, title="16 px")
    for i, taps in enumerate(((1,), (1, 1), (1, 2, 1), (1, 3, 3, 1)), 1):
        sheet(axes[i], layers.Downsample(taps)(rings), 1, title=f"↓ {taps}")
        sheet(axes[5 + i], layers.Upsample(taps)(digit + 1) - 1, 1, title=f"↑ {taps}")


def r3gan(*axes: plt.Axes) -> None:
    for axis, word, a, b in zip(axes, ("weights of R1, R2", "Adam's β₂"), (1.0, 0.9), (0.1, 0.99)):
        axis.plot([optimizers.eased(step, 50, a, b) for step in range(101)])
        axis.set(title=f"{word}: {a:g} to {b:g}", xlabel="% of the run; burn-in 50 %")


def diffaugment(axis: plt.Axes) -> None:
    words = ["colour", "translation", "cutout", "colour,translation,cutout"]
    drawn = [augment.DiffAugment(word)(digits(14), SEED) for word in words]
    sheet(axis, tf.concat([digits(14), *drawn], 0), 14, ["original", *words[:3], "all three"])


def ada(axis: plt.Axes) -> None:
    drawn = [augment.ADA(start=p)(digits(14), SEED) for p in (0, 0.3, 0.6, 1)]
    sheet(axis, tf.concat(drawn, 0), 14, [f"p = {p:g}" for p in (0, 0.3, 0.6, 1)])


PICTURES = {  # rows, columns, height in inches
    losses: (2, 4, 4.6), wasserstein: (1, 1, 3.2), time_scales: (1, 1, 3.2), r3gan: (1, 2, 2.6),
    relativistic: (1, 2, 3.1), gradient_penalties: (1, 4, 1.9), lecam: (1, 2, 2.9),
    consistency: (1, 2, 3.2), spectral_norm: (1, 2, 2.6), minibatch: (1, 3, 2.5), ada: (1, 1, 2.2),
    packing: (1, 2, 3.4), attention: (1, 2, 3), conditional: (1, 2, 3.2), resampling: (2, 5, 3),
    diffaugment: (1, 1, 2.6),
}  # fmt: skip

if __name__ == "__main__":
    plt.rc("image", interpolation="nearest")
    plt.rcParams.update(STYLE)
    for draw, (rows, columns, height) in PICTURES.items():
        name = draw.__name__.replace("_", "-")
        if name in (sys.argv[1:] or [name]):
            keras.utils.set_random_seed(0)
            figure, axes = plt.subplots(rows, columns, figsize=(7, height), squeeze=False)
            draw(*axes.flat)
            figure.savefig(TARGET / f"{name}.png", dpi=100, pil_kwargs={"optimize": True})
