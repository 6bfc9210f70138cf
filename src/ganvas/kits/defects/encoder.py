"""The encoder: from an image to the noise whose generated image resembles it most.

Source: f-AnoGAN, Schlegl et al. 2019, Medical Image Analysis 54, "izi_f": the loss is
    MSE(x, G(E(x))) + kappa MSE(f(x), f(G(E(x)))), G and f stay as they are.
Differs: Adam at 1e-3 over some hundred steps instead of RMSProp at 5e-5 over 50,000; no batch
    normalisation; noise is bounded by 3 tanh(. / 3), since the generator was not trained on other
    noise.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ...base.arrays import open_npz
from ...base.building import building
from ...base.files import write_file
from ...gan.model import GAN
from ...gan.networks.base import map_sizes
from ...gan.optimizers import Adam, Decay
from ...images import to_float
from .training import Features

KAPPA = 1.0
BATCH = 64
BOUND = 3.0


def network(shape: tuple[int, int, int], noise: int, width: int = 24) -> keras.Model:
    """[N, S, S, C] -> noise [N, Z], within (-3, 3)."""
    image = keras.Input(shape, name="image")
    x = image
    for level in range(len(map_sizes(shape)) - 1):
        x = layers.Conv2D(min(128, width * 2**level), 4, 2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Dense(noise)(layers.Flatten()(x))
    return keras.Model(image, BOUND * keras.ops.tanh(x / BOUND), name="encoder")


def generator(gan: GAN) -> Callable[[tf.Tensor], tf.Tensor]:
    """The averaged generator, for images that are not moved: noise [N, Z] -> [N, S, S, C]."""
    return lambda z: gan.ema_generator(
        {"noise": z, "label": tf.zeros(tf.shape(z)[:1], tf.int32)}, training=False
    )


def train(gan: GAN, patches: np.ndarray, path: Path, *, steps: int, seed: int) -> keras.Model:
    """Train the encoder, or read its weights if they are there.

    Args:
        patches: uint8 [N, S, S, C], of good images.
        path: an .npz file for its weights.
    """
    with building(seed):
        encoder = network(patches.shape[1:], gan.noise_size)
    if path.is_file():
        with open_npz(path) as arrays:
            encoder.set_weights([arrays[f"{i:03}"] for i in range(len(encoder.weights))])
        return encoder
    step = _step(encoder, generator(gan), Features(gan.discriminator), steps)
    rng = np.random.Generator(np.random.Philox(seed))
    for _ in range(steps):
        step(tf.constant(to_float(patches[rng.integers(0, len(patches), BATCH)])))
    file = io.BytesIO()
    np.savez(file, **{f"{i:03}": weight for i, weight in enumerate(encoder.get_weights())})
    write_file(path, file.getvalue())
    return encoder


def _step(
    encoder: keras.Model,
    generate: Callable[[tf.Tensor], tf.Tensor],
    features: Features,
    steps: int,
) -> Callable[[tf.Tensor], None]:
    rate = Decay(1e-3, steps, "cosine", 0.05)
    optimizer = Adam(rate, 0.9, 0.99)
    optimizer.build(encoder.trainable_variables)

    def step(real: tf.Tensor) -> None:
        deepest = features(real)[0][-1]
        with tf.GradientTape() as tape:
            generated = generate(encoder(real, training=True))
            pixels = tf.reduce_mean(tf.square(real - generated))
            apart = tf.reduce_mean(tf.square(deepest - features(generated)[0][-1]))
            total = pixels + KAPPA * apart
        variables = encoder.trainable_variables
        optimizer.apply(tape.gradient(total, [v.value for v in variables]), variables)

    return tf.function(step, jit_compile=False, reduce_retracing=True)
