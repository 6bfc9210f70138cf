"""Textures of any size: a generator without borders, a discriminator that ignores positions."""

from __future__ import annotations

from dataclasses import dataclass

import keras
from keras import layers

from ..layers import Conv2D, WrapPad
from .base import (
    Networks,
    Shape,
    Tensor,
    check,
    critic_inputs,
    cropped,
    label_input,
    normalised,
    output_head,
    weighed,
    with_std,
)

FEWEST = 6  # side of the smallest map that the discriminator halves


@dataclass
class Texture(Networks):
    """Convolutions over a field of noise: each position of the image has its own noise, and all
    positions have the same weights, so the generator can draw images of any size.

    In training the field is larger than the image and no convolution pads: the image is a window
    of an unlimited plane, without border effects. `torus` is the same network on a periodic field:
    its images tile.

    Differs from the paper: the field is doubled by repeating pixels, against chequered patterns;
    a label's vector is concatenated with the overall noise; no waves.

    Args:
        local: noise numbers per cell of the field; a cell is `stride` pixels wide.
        overall: noise numbers common to all cells, and the length of a label's vector.
        levels: doublings from the field to the image.
        discriminator_levels: halvings in the discriminator: after 3, a feature depends on 22
            pixels. Such a discriminator learns fine structure faster than one that depends on the
            whole crop.
        windows: sizes of patches that the discriminator judges: 1: those of its last halving; 2:
            also those of one halving more (46 pixels); 3: of two more (94).
        width: generator's channels on its finest map; each coarser map has twice as many.
        discriminator_width: discriminator's channels on its finest map; each coarser map has
            twice as many.
        max_width: no map has more channels than this.
        norm: in the generator: "batch", "pixel" or "none", which treat all positions alike.
        discriminator_norm: in the discriminator: "none" or "spectral".
        minibatch: "std" (Karras): the discriminator gets the similarity of the batch; or "none".

    Source: Bergmann et al. 2017, arXiv:1705.06566 (PSGAN).
    """

    local: int = 16
    overall: int = 4
    levels: int = 4
    discriminator_levels: int = 3
    windows: int = 1
    width: int = 16
    discriminator_width: int = 48
    max_width: int = 96
    norm: str = "batch"
    discriminator_norm: str = "none"
    minibatch: str = "std"

    def __post_init__(self) -> None:
        check(vars(self))
        choices = {"norm": ("batch", "pixel", "none"), "discriminator_norm": ("none", "spectral"),
                   "minibatch": ("none", "std")}  # fmt: skip
        for name, values in choices.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"{name} must be one of {', '.join(values)}, got '{getattr(self, name)}'"
                )

    @property
    def stride(self) -> int:
        """Pixels per cell of the field, in either direction."""
        return 2**self.levels

    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        sizes = self._windows(shape)
        height, width = sizes[0]
        cells = height * width * self.local
        noise = keras.Input((cells + self.overall,), name="noise")
        inputs = {"noise": noise}
        field = layers.Reshape((height, width, self.local))(noise[:, :cells])
        overall = [noise[:, cells:]]
        if classes:
            inputs["label"] = label_input()
            # Made here: an initialiser draws its seed when it is made, which must follow ours.
            normal = keras.initializers.RandomNormal(stddev=1.0)
            table = layers.Embedding(classes, self.overall, embeddings_initializer=normal)
            overall.append(table(inputs["label"]))
        vector = layers.Concatenate()(overall) if classes else overall[0]
        everywhere = layers.RepeatVector(height * width)(vector)
        everywhere = layers.Reshape((height, width, vector.shape[-1]))(everywhere)
        x = layers.Concatenate()([field, everywhere])
        image = self._body(x, shape[2], sizes)
        return keras.Model(inputs, image, name="generator")

    def torus(self, channels: int, classes: int = 0) -> keras.Model:
        """The generator's convolutions on periodic fields of any size:
        {"field": [B, h, w, local + overall, + overall if there are classes]} ->
        [B, stride h, stride w, channels]. Its weights are those of `generator`, without the
        labels' table; `take` copies them."""
        depth = self.local + self.overall * (2 if classes else 1)
        field = keras.Input((None, None, depth), name="field")
        return keras.Model({"field": field}, self._body(field, channels, None), name="torus")

    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        spectral = self.discriminator_norm == "spectral"
        inputs, x = critic_inputs(shape, classes, pack=1)
        judged = []
        for level in range(self.discriminator_levels + self.windows - 1):
            if level and min(x.shape[1:3]) < FEWEST:
                break
            if level >= self.discriminator_levels:
                judged.append(self._mean(x, spectral))
            channels = min(self.max_width, self.discriminator_width * 2**level)
            conv = weighed(Conv2D, channels, 4, 2, spectral=spectral, **_STRONG)
            x = layers.LeakyReLU(0.2)(conv(x))
        judged.append(self._mean(x, spectral))
        x = layers.Concatenate()(judged) if len(judged) > 1 else judged[0]
        logits = output_head(x, inputs, classes, spectral=spectral)
        return keras.Model(inputs, logits, name="discriminator")

    def _mean(self, x: Tensor, spectral: bool) -> Tensor:
        """What a map says of its patches, averaged over all places: [B, channels]."""
        x = with_std(x, self.minibatch)
        conv = weighed(layers.Conv2D, x.shape[-1], 1, spectral=spectral, **_STRONG)
        return layers.GlobalAveragePooling2D()(layers.LeakyReLU(0.2)(conv(x)))

    def _windows(self, shape: Shape) -> list[tuple[int, int]]:
        """Sizes of the maps before each convolution, from the field on, so that without padding the
        result has the size of the image."""
        size = (shape[0] + 2, shape[1] + 2)  # before the last convolution, to the image
        sizes = [size]
        for _ in range(self.levels):
            size = (size[0] + 2, size[1] + 2)  # before the convolution that follows a doubling
            sizes.append(size)
            size = ((size[0] + 1) // 2, (size[1] + 1) // 2)
        sizes.append((size[0] + 2, size[1] + 2))
        return sizes[::-1]

    def _body(self, x: Tensor, channels: int, sizes: list[tuple[int, int]] | None) -> Tensor:
        """Field -> image; a window if sizes are given, else a torus."""

        def conv(x: Tensor, width: int) -> Tensor:
            x = x if sizes else WrapPad(1)(x)
            return layers.Conv2D(width, 3, padding="valid")(x)

        for level in range(self.levels + 1):
            width = min(self.max_width, self.width * 2 ** (self.levels - level))
            if level:
                x = layers.UpSampling2D()(x)
                x = cropped(x, sizes[level]) if sizes else x
            x = layers.ReLU()(normalised(conv(x, width), self.norm))
        return layers.Activation("tanh", dtype="float32")(conv(x, channels))


def take(torus: keras.Model, generator: keras.Model) -> None:
    """Copy the generator's weights to its torus."""
    convolved = [one for one in generator.layers if not isinstance(one, layers.Embedding)]
    torus.set_weights([weight for layer in convolved for weight in layer.get_weights()])


# With Keras's default initial weights, low contrast would decrease from layer to layer.
_STRONG = {"padding": "valid", "kernel_initializer": "he_normal"}
