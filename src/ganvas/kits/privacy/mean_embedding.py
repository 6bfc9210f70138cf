"""DP-MERF: a private generator in a minute, and the baseline for private GANs.

Images are reduced once to the mean of random Fourier features for each class; noise is added to
that mean, once. A generator is then trained to have the same mean, which spends no further epsilon.

Source: Harder et al. 2021, arXiv:2002.11603. Differs: a convolutional generator; the width of the
    kernel is a constant, not taken from the images; the shares of classes come from the same noisy
    mean, of which one frequency is zero.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...base.building import building
from ...base.seeds import fold, normal
from ...data import Options
from ...data.sources import load as load_images
from ...errors import UsageError
from ...gan import accounting
from ...gan.networks import NETWORKS
from ...images import to_float
from ...sampling.sampler import Sampler

FREQUENCIES = 2000
WIDTH = 0.7  # of the kernel, in root mean square difference of pixels in [-1, 1]
_CHUNK = 1000
_EVERY = 100


@dataclass(frozen=True)
class Bound:
    """What differential privacy guarantees; the keys of run.json.

    Attributes:
        epsilon, delta: the bound for one `unit` more or less.
        noise: standard deviation of the noise over the sensitivity.
        accountant: which software computed epsilon.
        steps, rate: number of noisy sums, and the share of the images in each.
        unit: what neighbouring data differ by.
    """

    epsilon: float
    delta: float
    noise: float
    accountant: str
    steps: int = 1
    rate: float = 1.0
    unit: str = "image"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "epsilon": self.epsilon, "delta": self.delta, "noise": self.noise, "steps": self.steps,
            "rate": self.rate, "unit": self.unit, "accountant": self.accountant,
        }  # fmt: skip


def merf(
    data: Any,
    *,
    epsilon: float,
    delta: float = 1e-5,
    steps: int = 2000,
    batch: int = 200,
    rate: float = 2e-3,
    width: float = WIDTH,
    seed: int | None = None,
    size: int | None = None,
) -> tuple[Sampler, Bound]:
    """Train a private generator on images, with labels where they have any.

    Args:
        epsilon, delta: the bound; neighbouring data differ by one image, and the number of images
            is not secret.
        steps, batch, rate: training steps, images per step and learning rate of the generator.
        width: of the kernel.
        seed: of the noise and all else; with it the noise can be removed. None: a secret one.
        size: side in pixels.

    Returns: the generator, and the bound that holds for it.
    Raises: ConfigError: no accountant is installed.
    """
    if epsilon <= 0 or not 0 < delta < 1 or steps < 1 or batch < 2:
        raise UsageError(
            "epsilon must be above 0, delta between 0 and 1, steps at least 1, batch at least 2, "
            f"got epsilon = {epsilon}, delta = {delta}, steps = {steps}, batch = {batch}"
        )
    seed = secrets.randbits(62) if seed is None else seed
    source = load_images(data, Options(size=size, holdout=0))
    classes = max(1, source.classes)
    weights = frequencies(int(np.prod(source.shape)), width, seed)
    noise = accounting.gaussian(epsilon, delta)
    target = noisy_means(mean_features(source, weights), source.count, noise, seed)
    with building(seed % 2**32):
        generator = NETWORKS["dcgan"]().generator(source.shape, source.classes)
    _train(generator, target, weights, classes, steps, batch, rate, seed)
    bound = Bound(
        epsilon=accounting.epsilon(noise, 1.0, 1, delta), delta=delta, noise=noise,
        accountant=accounting.describe(),
    )  # fmt: skip
    shares = [1 / classes] * source.classes
    return Sampler(generator, source.names, shares), bound


def frequencies(values: int, width: float, seed: int) -> np.ndarray:
    """Of a Gaussian kernel: float32 [values, F]; the first is zero."""
    rng = np.random.Generator(np.random.Philox([seed, 71]))
    scale = 1 / (width * np.sqrt(values))
    drawn = (rng.standard_normal((values, FREQUENCIES)) * scale).astype(np.float32)
    drawn[:, 0] = 0
    return drawn


def features(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Images [B, H, W, C] -> [B, 2 F], each of length 1."""
    angle = tf.reshape(x, (tf.shape(x)[0], -1)) @ weights
    both = tf.concat([tf.cos(angle), tf.sin(angle)], axis=1)
    return both / np.float32(np.sqrt(weights.shape[1]))


def mean_features(source: Any, weights: np.ndarray) -> np.ndarray:
    """Over all images, the mean of features for each class: float64 [K, 2 F].

    One image more or less moves it by at most 1 / count.
    """
    total = np.zeros((max(1, source.classes), 2 * weights.shape[1]))
    for start in range(0, source.count, _CHUNK):
        rows = source.rows[start : start + _CHUNK]
        found = np.asarray(features(to_float(source.pixels(rows)), weights), np.float64)
        np.add.at(total, source.labels[rows] if source.classes else np.zeros(len(rows), int), found)
    return total / source.count


def noisy_means(means: np.ndarray, count: int, noise: float, seed: int) -> np.ndarray:
    """Add noise, and divide each class by its noisy share, which gives the class's own mean."""
    rng = np.random.Generator(np.random.Philox([seed, 72]))
    means = means + rng.normal(0, noise / count, means.shape)
    share = means[:, :1] * np.sqrt(means.shape[1] / 2)  # of the zero frequency, whose cosine is 1
    return (means / np.maximum(share, 0.2 / len(means))).astype(np.float32)


def _train(
    generator: keras.Model,
    target: np.ndarray,
    weights: np.ndarray,
    classes: int,
    steps: int,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))
    optimizer.build(generator.trainable_variables)
    each = max(2, batch // classes)
    label = tf.constant(np.repeat(np.arange(classes), each), tf.int32)
    goal, frequency = tf.constant(target), tf.constant(weights)
    labelled = "label" in generator.input

    def train(first: tf.Tensor) -> None:
        for step in tf.range(first, first + _EVERY):
            noise = normal((each * classes, generator.input["noise"].shape[-1]), fold(seed, step))
            inputs = {"noise": noise, "label": label} if labelled else {"noise": noise}
            with tf.GradientTape() as tape:
                made = features(generator(inputs, training=True), frequency)
                mean = tf.reduce_mean(tf.reshape(made, (classes, each, -1)), axis=1)
                apart = tf.reduce_sum((mean - goal) ** 2)
            slope = tape.gradient(apart, [v.value for v in generator.trainable_variables])
            optimizer.apply(slope, generator.trainable_variables)

    traced = tf.function(train)
    for first in range(0, steps, _EVERY):
        traced(tf.constant(first))
