"""DCGAN for any size from 16 to 256 pixels, with or without labels."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from ..layers import Conv2D, Conv2DTranspose, SelfAttention
from .base import (
    Networks,
    Shape,
    check,
    conditioned,
    critic_inputs,
    cropped,
    map_sizes,
    normalised,
    output_head,
    weighed,
    with_std,
)


@dataclass
class DCGAN(Networks):
    """Strided convolutions: from noise to a small map, which is doubled until it is an image.

    Differs from the paper: channel counts double towards the small maps up to `max_width`;
    odd sizes are cropped after doubling, so any size works; the discriminator is not
    normalised by default.

    Args:
        noise: length of the noise vector.
        width: generator's channels on its finest map; each coarser map has twice as many.
        discriminator_width: discriminator's channels on its finest map; each coarser map has
            twice as many.
        max_width: no map has more channels than this.
        norm: in the generator: "batch", "group", "layer", "pixel" or "none".
        discriminator_norm: in the discriminator: "none", "batch", "group", "layer" or "spectral".
        condition: how the generator gets labels: an "embedding" concatenated with the noise, or
            the scale and shift of each "norm".
        embedding: length of a label's vector.
        head: how the discriminator uses labels: "projection" or "auxiliary" (a classifier).
        minibatch: "discrimination" (Salimans) or "std" (Karras): the discriminator gets the
            similarity of the batch; or "none".
        pack: images per logit of the discriminator (PacGAN).
        attention: self-attention in both on maps of the second finest size.
        full_size: the generator has a map of the image's size, of `width` / 4 channels, and a 3x3
            convolution makes the image from it: edges are smoother than those of a strided one.

    Source: Radford et al. 2015, arXiv:1511.06434.
    """

    noise: int = 64
    width: int = 32
    discriminator_width: int = 32
    max_width: int = 256
    norm: str = "batch"
    discriminator_norm: str = "none"
    condition: str = "embedding"
    embedding: int = 16
    head: str = "projection"
    minibatch: str = "none"
    pack: int = 1
    attention: bool = False
    full_size: bool = False

    def __post_init__(self) -> None:
        check(vars(self))

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        inputs, x, label = conditioned(
            self.noise, classes, condition=self.condition, norm=self.norm, embedding=self.embedding
        )
        coarse, *finer = reversed(map_sizes(shape))
        channels = min(self.max_width, self.width * 2 ** (len(finer) - 1))
        x = layers.Dense(coarse[0] * coarse[1] * channels)(x)
        x = layers.Reshape((*coarse, channels))(x)
        for level, size in enumerate(finer):
            x = layers.ReLU()(normalised(x, self.norm, label, classes))
            last = level == len(finer) - 1
            if last and self.attention:
                x = SelfAttention()(x)
            channels = min(self.max_width, self.width * 2 ** (len(finer) - 2 - level))
            if last:
                channels = max(1, self.width // 4) if self.full_size else shape[2]
            x = cropped(Conv2DTranspose(channels, 4, 2, padding="same")(x), size)
        if self.full_size:
            x = layers.ReLU()(normalised(x, self.norm, label, classes))
            x = layers.Conv2D(shape[2], 3, padding="same")(x)
        image = layers.Activation("tanh", dtype="float32")(x)
        return keras.Model(inputs, image, name="generator")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        spectral = self.discriminator_norm == "spectral"
        inputs, x = critic_inputs(shape, classes, self.pack)
        for level in range(len(map_sizes(shape)) - 1):
            channels = min(self.max_width, self.discriminator_width * 2**level)
            if level == len(map_sizes(shape)) - 2:
                x = with_std(x, self.minibatch)
            x = weighed(Conv2D, channels, 4, 2, padding="same", spectral=spectral)(x)
            if level:  # not on the first, as in the paper
                x = normalised(x, self.discriminator_norm)
            x = layers.LeakyReLU(0.2)(x)
            if level == 0 and self.attention:
                x = SelfAttention(spectral)(x)
        logits = output_head(
            layers.Flatten()(x), inputs, classes, head=self.head, minibatch=self.minibatch,
            spectral=spectral, pack=self.pack,
        )  # fmt: skip
        return keras.Model(inputs, logits, name="discriminator")
