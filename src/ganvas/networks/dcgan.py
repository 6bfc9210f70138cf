"""DCGAN for any size from 16 to 256 pixels, with or without labels."""

from __future__ import annotations

import keras
from keras import layers

from .base import Networks, Shape, label_input


class DCGAN(Networks):
    """Strided convolutions all the way: noise to a small map, doubled until it is an image.

    Differs from the paper: channel counts double towards the small maps up to `max_width`;
    odd sizes are cropped after doubling, so any size works; labels enter the generator by
    an embedding beside the noise and the discriminator by projection.

    Args:
        noise: length of the noise vector.
        width: generator's channels on its finest map; each coarser map has twice as many.
        discriminator_width: the same for the discriminator.
        max_width: no map has more channels than this.
        norm: "batch" or "none", in the generator. The discriminator has none.
        embedding: length of a label's vector.

    Source: Radford et al. 2015, arXiv:1511.06434; projection: Miyato & Koyama 2018,
        arXiv:1802.05637.
    """

    def __init__(
        self,
        noise: int = 64,
        width: int = 32,
        discriminator_width: int = 32,
        max_width: int = 256,
        norm: str = "batch",
        embedding: int = 16,
    ):
        if norm not in ("batch", "none"):
            raise ValueError(f"norm '{norm}' is not accepted; there is batch, none")
        if min(noise, width, discriminator_width, max_width, embedding) < 1:
            raise ValueError("noise, widths and embedding must be at least 1")
        self.noise = noise
        self.width = width
        self.discriminator_width = discriminator_width
        self.max_width = max_width
        self.norm = norm
        self.embedding = embedding

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        noise = keras.Input((self.noise,), name="noise")
        inputs, x = {"noise": noise}, noise
        if classes:
            inputs["label"] = label_input()
            embedded = layers.Embedding(classes, self.embedding)(inputs["label"])
            x = layers.Concatenate()([noise, embedded])
        coarse, *finer = reversed(map_sizes(shape))
        channels = min(self.max_width, self.width * 2 ** (len(finer) - 1))
        x = layers.Dense(coarse[0] * coarse[1] * channels)(x)
        x = layers.Reshape((*coarse, channels))(x)
        for level, size in enumerate(finer):
            x = layers.ReLU()(self._normalised(x))
            last = level == len(finer) - 1
            channels = min(self.max_width, self.width * 2 ** (len(finer) - 2 - level))
            up = layers.Conv2DTranspose(shape[2] if last else channels, 4, 2, padding="same")
            x = cropped(up(x), size)
        return keras.Model(inputs, layers.Activation("tanh")(x), name="generator")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        image = keras.Input(shape, name="image")
        inputs, x = {"image": image}, image
        for level in range(len(map_sizes(shape)) - 1):
            channels = min(self.max_width, self.discriminator_width * 2**level)
            x = layers.LeakyReLU(0.2)(layers.Conv2D(channels, 4, 2, padding="same")(x))
        x = layers.Flatten()(x)
        logit = layers.Dense(1)(x)
        if classes:
            inputs["label"] = label_input()
            embedded = layers.Embedding(classes, x.shape[-1])(inputs["label"])
            logit = layers.Add()([logit, layers.Dot(1)([x, embedded])])
        return keras.Model(inputs, logit, name="discriminator")

    def _normalised(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.BatchNormalization(momentum=0.9)(x) if self.norm == "batch" else x


def map_sizes(shape: Shape) -> list[tuple[int, int]]:
    """The sizes of the maps from the image down, halved until the shorter side is below 8.

    (28, 28, 1) -> [(28, 28), (14, 14), (7, 7)];  (50, 70, 3) -> ... (13, 18), (7, 9).
    """
    sizes = [shape[:2]]
    while min(sizes[-1]) >= 8:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def cropped(x: keras.KerasTensor, size: tuple[int, int]) -> keras.KerasTensor:
    """Cut the last row or column where doubling overshot an odd size."""
    extra = (x.shape[1] - size[0], x.shape[2] - size[1])
    return layers.Cropping2D(((0, extra[0]), (0, extra[1])))(x) if any(extra) else x
