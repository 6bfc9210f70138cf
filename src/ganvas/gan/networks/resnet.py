"""The residual networks of spectral normalisation and WGAN-GP."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from ..layers import SelfAttention
from .base import (
    Networks,
    Shape,
    Tensor,
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
class ResNet(Networks):
    """Residual blocks that double or halve the map: deeper than DCGAN, with slower steps.

    Differs from the papers: channel counts double towards the small maps up to `max_width`
    (equal widths throughout: width = max_width); any size.

    Args:
        noise: length of the noise vector.
        width: generator's channels on its finest map; each coarser map has twice as many.
        discriminator_width: discriminator's channels on its finest map; each coarser map has
            twice as many.
        max_width: no map has more channels than this.
        norm, discriminator_norm, condition, embedding, head, minibatch, pack, attention: as in
            `DCGAN`.

    Source: Miyato et al. 2018, arXiv:1802.05957, appendix B.4; Gulrajani et al. 2017,
        arXiv:1704.00028, appendix F.
    """

    noise: int = 128
    width: int = 32
    discriminator_width: int = 32
    max_width: int = 128
    norm: str = "batch"
    discriminator_norm: str = "spectral"
    condition: str = "norm"
    embedding: int = 16
    head: str = "projection"
    minibatch: str = "none"
    pack: int = 1
    attention: bool = False

    def __post_init__(self) -> None:
        check(vars(self))

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        inputs, x, label = conditioned(
            self.noise, classes, condition=self.condition, norm=self.norm, embedding=self.embedding
        )
        coarse, *finer = reversed(map_sizes(shape))
        widths = [min(self.max_width, self.width * 2**n) for n in reversed(range(len(finer)))]
        x = layers.Dense(coarse[0] * coarse[1] * widths[0])(x)
        x = layers.Reshape((*coarse, widths[0]))(x)

        def active(x: Tensor) -> Tensor:
            return layers.ReLU()(normalised(x, self.norm, label, classes))

        for size, width in zip(finer, widths, strict=True):
            up = cropped(layers.UpSampling2D()(active(x)), size)
            long = layers.Conv2D(width, 3, padding="same")(up)
            long = layers.Conv2D(width, 3, padding="same")(active(long))
            short = layers.Conv2D(width, 1)(x)  # before doubling: the same at a quarter of the cost
            x = layers.Add()([cropped(layers.UpSampling2D()(short), size), long])
            if self.attention and size == finer[max(0, len(finer) - 2)]:
                x = SelfAttention()(x)
        x = layers.Conv2D(shape[2], 3, padding="same")(active(x))
        image = layers.Activation("tanh", dtype="float32")(x)
        return keras.Model(inputs, image, name="generator")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        spectral = self.discriminator_norm == "spectral"
        inputs, x = critic_inputs(shape, classes, self.pack)
        halvings = len(map_sizes(shape)) - 1

        def conv(width: int, side: int) -> keras.Layer:
            return weighed(layers.Conv2D, width, side, padding="same", spectral=spectral)

        def active(x: Tensor) -> Tensor:
            return layers.ReLU()(normalised(x, self.discriminator_norm))

        for level in range(halvings + 1):
            width = min(self.max_width, self.discriminator_width * 2 ** min(level, halvings - 1))
            down = layers.AveragePooling2D(2, padding="same") if level < halvings else None
            if level == halvings:
                x = with_std(x, self.minibatch)
            long = conv(width, 3)(active(x) if level else x)  # the first gets the image itself
            long = conv(width, 3)(active(long))
            short = x
            if down:
                long, short = down(long), down(x)
            if short.shape[-1] != width:
                short = conv(width, 1)(short)
            x = layers.Add()([long, short])
            if level == 0 and self.attention:
                x = SelfAttention(spectral)(x)
        height, width = x.shape[1:3]
        pooled = layers.GlobalAveragePooling2D()(active(x))
        summed = layers.Rescaling(height * width)(pooled)  # a sum over positions, as in the paper
        logits = output_head(
            summed, inputs, classes, head=self.head, minibatch=self.minibatch,
            spectral=spectral, pack=self.pack,
        )  # fmt: skip
        return keras.Model(inputs, logits, name="discriminator")
