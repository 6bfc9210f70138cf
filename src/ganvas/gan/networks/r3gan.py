"""R3GAN's networks: modern residual blocks without any normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from ..layers import Basis, Bias, Clip, Downsample, GroupedConv2D, Upsample
from .base import Networks, Shape, Tensor, check, critic_inputs, cropped, latent, map_sizes


@dataclass
class R3GAN(Networks):
    """Inverted bottlenecks with grouped convolutions, the same in both networks; designed for the
    relativistic loss with R1 and R2 at every step.

    A block is x + W3 a(W2 a(W1 x)): 1x1 to twice the channels, 3x3 in groups, 1x1 back, with
    a = leaky ReLU after a bias. W3 is initially zero, so that each block is initially the identity.
    Differs: the learning rate does not fall within the burn-in (`train.decay` falls over the whole
    run); channel counts double towards the small maps up to `max_width`; any size; images are
    clipped to [-1, 1] outside training.

    Args:
        noise: length of the noise vector, and of a label's.
        width: channels on the finest map, in both networks; each coarser map has twice as many.
        max_width: no map has more channels than this.
        blocks: residual blocks per size of map.
        group: channels per group of the 3x3 convolution.

    Source: Huang et al. 2024, arXiv:2501.05441, section 3 and appendix.
    """

    noise: int = 64
    width: int = 32
    max_width: int = 128
    blocks: int = 2
    group: int = 16

    def __post_init__(self) -> None:
        check(vars(self))
        narrow, wide = min(self.width, self.max_width), self.max_width
        if 2 * narrow % self.group or 2 * wide % self.group:
            raise ValueError(
                f"group must divide twice the widths {narrow} and {wide}, got {self.group}"
            )

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        inputs, x = latent(self.noise, classes, self.noise, _normal(classes))
        sizes, widths = self._stages(shape)
        x = _dense(widths[-1])(x)
        x = Basis(*sizes[-1])(x)
        for level in reversed(range(len(sizes))):
            if x.shape[-1] != widths[level]:
                x = _pointwise(widths[level])(x)
            if level < len(sizes) - 1:
                x = cropped(Upsample((1, 2, 1))(x), sizes[level])
            x = self._residual(x, len(sizes))
        x = _pointwise(shape[2])(x)
        return keras.Model(inputs, Clip(dtype="float32")(x), name="generator")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        inputs, x = critic_inputs(shape, classes, pack=1)
        sizes, widths = self._stages(shape)
        x = _pointwise(widths[0])(x)
        for level in range(len(sizes)):
            if level:
                x = Downsample((1, 2, 1))(x)
            if x.shape[-1] != widths[level]:
                x = _pointwise(widths[level])(x)
            x = self._residual(x, len(sizes))
        # Keras counts all channels as a depthwise kernel's fan-in, but each depends only on itself.
        unit = _initializer(math.sqrt(x.shape[-1]))
        x = layers.DepthwiseConv2D(sizes[-1], use_bias=False, depthwise_initializer=unit)(x)
        x = layers.Flatten()(x)
        # In full precision: losses depend on small differences of logits that may be large.
        exact = {"dtype": keras.config.dtype_policy().variable_dtype}
        if not classes:
            return keras.Model(inputs, _dense(1, **exact)(x), name="discriminator")
        width = x.shape[-1]
        table = layers.Embedding(
            classes, width, embeddings_initializer=_normal(classes * width), **exact
        )
        logit = layers.Dot(1, **exact)([_dense(width, **exact)(x), table(inputs["label"])])
        return keras.Model(inputs, logit, name="discriminator")

    def _stages(self, shape: Shape) -> tuple[list[tuple[int, int]], list[int]]:
        sizes = map_sizes(shape)
        return sizes, [min(self.max_width, self.width * 2**level) for level in range(len(sizes))]

    def _residual(self, x: Tensor, stages: int) -> Tensor:
        """The blocks of one stage, scaled so that the sum over all stays bounded (Fix-up)."""
        gain = math.sqrt(2 / (1 + 0.2**2)) * (stages * self.blocks) ** -0.25
        channels = x.shape[-1]
        for _ in range(self.blocks):
            y = _pointwise(2 * channels, gain)(x)
            y = GroupedConv2D(2 * channels // self.group, 3, _initializer(gain))(_active(y))
            x = layers.Add()([x, _pointwise(channels, 0.0)(_active(y))])
        return x


def _active(x: Tensor) -> Tensor:
    return layers.LeakyReLU(0.2)(Bias()(x))


def _initializer(gain: float) -> keras.initializers.Initializer:
    if not gain:
        return keras.initializers.Zeros()
    return keras.initializers.VarianceScaling(gain**2, "fan_in", "untruncated_normal")


def _pointwise(width: int, gain: float = 1.0) -> keras.Layer:
    return layers.Conv2D(width, 1, use_bias=False, kernel_initializer=_initializer(gain))


def _dense(width: int, **options: Any) -> keras.Layer:
    return layers.Dense(width, use_bias=False, kernel_initializer=_initializer(1.0), **options)


def _normal(inputs: int) -> keras.initializers.Initializer:
    """For a table of labels, which is a linear layer of so many inputs with one-hot vectors."""
    return keras.initializers.RandomNormal(stddev=max(1, inputs) ** -0.5)
