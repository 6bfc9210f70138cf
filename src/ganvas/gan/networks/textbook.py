"""The DCGAN of textbooks and tutorials for MNIST, unchanged."""

from __future__ import annotations

import keras
from keras import layers

from ..layers import Conv2D, Conv2DTranspose
from .base import Networks, Shape


class Textbook(Networks):
    """Two transposed convolutions, and two convolutions with dropout; 28x28, no labels.

    The generator is Dense 100 -> 7*7*128, LeakyReLU 0.2, reshape, two Conv2DTranspose 128 4x4
    stride 2 with LeakyReLU 0.2, Conv2D 1 7x7 tanh; the discriminator two Conv2D 64 3x3
    stride 2 with LeakyReLU 0.2 and Dropout 0.4, Flatten, Dense 1. Sizes that are multiples
    of 4 and other channel counts work too.

    Source: the common tutorial form of Radford et al. 2015, arXiv:1511.06434.
    """

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        self._check(shape, classes)
        height, width, channels = shape
        noise = keras.Input((100,), name="noise")
        x = layers.Dense(height // 4 * (width // 4) * 128)(noise)
        x = layers.LeakyReLU(0.2)(x)
        x = layers.Reshape((height // 4, width // 4, 128))(x)
        for _ in range(2):
            x = Conv2DTranspose(128, 4, strides=2, padding="same")(x)
            x = layers.LeakyReLU(0.2)(x)
        x = layers.Conv2D(channels, 7, padding="same", activation="tanh")(x)
        return keras.Model({"noise": noise}, x, name="generator")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        self._check(shape, classes)
        image = keras.Input(shape, name="image")
        x = image
        for seed in range(2):
            x = Conv2D(64, 3, strides=2, padding="same")(x)
            x = layers.LeakyReLU(0.2)(x)
            x = layers.Dropout(0.4, seed=seed)(x)
        x = layers.Flatten()(x)
        return keras.Model({"image": image}, layers.Dense(1)(x), name="discriminator")

    @staticmethod
    def _check(shape: Shape, classes: int) -> None:
        if shape[0] % 4 or shape[1] % 4:
            raise ValueError(
                f"sides must be multiples of 4, got {shape[0]}x{shape[1]}: set data.size"
            )
        if classes:
            raise ValueError(
                f"these networks take no labels, got {classes} classes: set data.labels=false"
            )
