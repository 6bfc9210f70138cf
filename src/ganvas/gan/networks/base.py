"""The contract of a network pair, and shared functions: sizes of maps, inputs, output heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

import keras
from keras import layers

from ..layers import ConditionalNorm, MinibatchDiscrimination, MinibatchStd, Pack, SpectralNorm
from ..layers.norms import plain_norm

Shape = tuple[int, int, int]
Tensor: TypeAlias = keras.KerasTensor

CHOICES = {
    "norm": ("batch", "group", "layer", "pixel", "none"),
    "discriminator_norm": ("batch", "group", "layer", "spectral", "none"),
    "condition": ("embedding", "norm"),
    "head": ("projection", "auxiliary"),
    "minibatch": ("none", "discrimination", "std"),
}
"""Accepted values of arguments that are strings."""


class Networks(ABC):
    """A generator and a discriminator that fit each other.

    Both are Functional Keras models with named inputs, so that Keras can save, export and plot
    them. `label` [B] int32 is an input only if `classes` > 0.
    """

    @abstractmethod
    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        """{"noise": [B, Z] ~ N(0, 1), "label": [B]} -> images [B, H, W, C] in [-1, 1]."""

    @abstractmethod
    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        """{"image": [B, H, W, C], "label": [B]} -> logits [B, 1]; no sigmoid.

        [B, 1 + classes] with an auxiliary classifier, whose logits follow. [B / n, 1] with packs
        of n images.
        """


def check(options: Mapping[str, Any]) -> None:
    """Refuse arguments that no network can be built with. Raises ValueError."""
    for name, value in options.items():
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}, got '{value}'")
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            raise ValueError(f"{name} must be >= 1, got {value}")
    if options.get("head") == "auxiliary" and options.get("pack", 1) > 1:
        raise ValueError(
            'head "auxiliary" needs pack = 1: it classifies one image; or use "projection"'
        )


def map_sizes(shape: Shape) -> list[tuple[int, int]]:
    """The sizes of the maps from the image down, halved until the shorter side is below 8.

    (28, 28, 1) -> [(28, 28), (14, 14), (7, 7)];  (50, 70, 3) -> ... (13, 18), (7, 9).
    """
    sizes = [shape[:2]]
    while min(sizes[-1]) >= 8:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def cropped(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut the last row or column that doubling added to an odd size."""
    extra = (x.shape[1] - size[0], x.shape[2] - size[1])
    return layers.Cropping2D(((0, extra[0]), (0, extra[1])))(x) if any(extra) else x


def label_input() -> Tensor:
    """The input for class labels: int32 [B]."""
    return keras.Input((), dtype="int32", name="label")


def latent(
    noise: int, classes: int, embedding: int, initializer: str | keras.Initializer = "uniform"
) -> tuple[dict[str, Tensor], Tensor]:
    """A generator's inputs, and its first vector: noise, and the label's embedding if
    `embedding` > 0."""
    inputs = {"noise": keras.Input((noise,), name="noise")}
    if not classes:
        return inputs, inputs["noise"]
    inputs["label"] = label_input()
    if not embedding:
        return inputs, inputs["noise"]
    table = layers.Embedding(classes, embedding, embeddings_initializer=initializer)
    return inputs, layers.Concatenate()([inputs["noise"], table(inputs["label"])])


def conditioned(
    noise: int, classes: int, *, condition: str, norm: str, embedding: int
) -> tuple[dict[str, Tensor], Tensor, Tensor | None]:
    """`latent`, and the label if the generator's norms depend on it."""
    if condition == "embedding" or not classes:
        return *latent(noise, classes, embedding), None
    if norm == "none":
        raise ValueError(
            'condition "norm" needs a norm, got norm "none": set one, or condition "embedding"'
        )
    inputs, x = latent(noise, classes, 0)
    return inputs, x, inputs["label"]


def normalised(x: Tensor, kind: str, label: Tensor | None = None, classes: int = 0) -> Tensor:
    """Normalise a map; with a label, the scale and shift depend on it."""
    if kind in ("none", "spectral"):
        return x
    if label is not None:
        return ConditionalNorm(classes, kind)([x, label])
    return plain_norm(kind, x.shape[-1])(x)


def weighed(
    layer: type[keras.Layer], *sizes: Any, spectral: bool = False, **options: Any
) -> keras.Layer:
    """A linear layer with bias, optionally with spectral normalisation."""
    if spectral:
        own = {"dtype": options["dtype"]} if "dtype" in options else {}
        return SpectralNorm(layer(*sizes, use_bias=False, **options), **own)
    return layer(*sizes, **options)


def critic_inputs(shape: Shape, classes: int, pack: int) -> tuple[dict[str, Tensor], Tensor]:
    """A discriminator's inputs, and the image or the pack of images."""
    inputs = {"image": keras.Input(shape, name="image")}
    if classes:
        inputs["label"] = label_input()
    return inputs, Pack(pack)(inputs["image"]) if pack > 1 else inputs["image"]


def with_std(x: Tensor, minibatch: str) -> Tensor:
    return MinibatchStd()(x) if minibatch == "std" else x


def output_head(
    features: Tensor,
    inputs: dict[str, Tensor],
    classes: int,
    *,
    head: str = "projection",
    minibatch: str = "none",
    spectral: bool = False,
    pack: int = 1,
) -> Tensor:
    """The last layers of a discriminator: features [B, D] -> logits.

    Differs: the auxiliary classifier's loss on real images belongs to the discriminator, and on
    fakes to the generator, as in arXiv:1704.00028; in the paper both networks have both.
    Source: projection: Miyato & Koyama 2018, arXiv:1802.05637; auxiliary classifier: Odena et
        al. 2017, arXiv:1610.09585.
    """
    # In full precision: losses depend on small differences of logits that may be large.
    exact = {"dtype": keras.config.dtype_policy().variable_dtype}
    if minibatch == "discrimination":
        features = MinibatchDiscrimination(**exact)(features)
    logit = weighed(layers.Dense, 1, spectral=spectral, **exact)(features)
    if not classes:
        return logit
    if head == "auxiliary":
        predicted = weighed(layers.Dense, classes, spectral=spectral, **exact)(features)
        return layers.Concatenate(**exact)([logit, predicted])
    label = inputs["label"]
    places = [label]
    if pack > 1:  # each place in a pack has its own table
        packs = Pack(pack)(layers.Reshape((1,))(label))
        places = [packs[:, place] for place in range(pack)]
    embedded = [embed(classes, features.shape[-1], spectral, **exact)(place) for place in places]
    vector = layers.Average(**exact)(embedded) if pack > 1 else embedded[0]
    return layers.Add(**exact)([logit, layers.Dot(1, **exact)([features, vector])])


def embed(classes: int, width: int, spectral: bool, **options: Any) -> keras.Layer:
    table = layers.Embedding(classes, width, **options)
    return SpectralNorm(table, use_bias=False, **options) if spectral else table
