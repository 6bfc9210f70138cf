"""The layers of a network with weights, and their places: how layers of two networks are paired."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from .layers import ConditionalNorm, GroupNorm, SpectralNorm
from .networks.base import map_sizes

NORMS = (layers.BatchNormalization, ConditionalNorm, GroupNorm)
_SAME = {"gamma": "scale", "beta": "shift"}


@dataclass(frozen=True)
class Unit:
    """A layer with weights, and its place in the network."""

    layer: keras.Layer
    place: tuple[str, int, int]  # kind, level of its map (0: the image), order from the image

    @property
    def name(self) -> str:
        shape = self.layer.output.shape[1:3]
        return self.place[0] + (" {}x{}".format(*shape) if self.place[1] >= 0 else "")

    @property
    def linear(self) -> keras.Layer:
        return self.layer.layer if self.spectral else self.layer

    @property
    def spectral(self) -> bool:
        return isinstance(self.layer, SpectralNorm)

    def weights(self) -> dict[str, Any]:
        """Its variables by their role: kernel, bias, scale, shift, moving_mean ..."""
        found = {}
        for variable in self.layer.weights:
            found[_SAME.get(variable.name, variable.name)] = variable
        return found


def units(network: keras.Model) -> list[Unit]:
    """The layers with weights, from the image to the other end."""
    generates = "noise" in network.input
    shape = network.output.shape[1:] if generates else network.input["image"].shape[1:]
    sizes = [height for height, _ in map_sizes(shape)]
    ordered = [layer for layer in _flat(network) if layer.weights]
    count: dict[tuple[str, int], int] = {}
    found = []
    for layer in reversed(ordered) if generates else ordered:
        kind, level = _kind(layer), _level(layer.output.shape, sizes)
        order = count[kind, level] = count.get((kind, level), -1) + 1
        found.append(Unit(layer, (kind, level, order)))
    return found


def _flat(network: keras.Model) -> Iterator[keras.Layer]:
    """Its layers, with those of models within it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _kind(layer: keras.Layer) -> str:
    if isinstance(layer, NORMS):
        return "norm"
    inner = layer.layer if isinstance(layer, SpectralNorm) else layer
    for kind in (layers.Conv2DTranspose, layers.Conv2D, layers.Dense, layers.Embedding):
        if isinstance(inner, kind):
            taps = getattr(inner, "kernel_size", ())
            return kind.__name__ + "x".join(map(str, taps))
    return type(inner).__name__


def _level(shape: tuple[int | None, ...], sizes: list[int]) -> int:
    """How often a map of this shape is halved; -1 for vectors."""
    if len(shape) != 4 or not (height := shape[1]):
        return -1
    return min(range(len(sizes)), key=lambda n: abs(math.log(sizes[n] / height)))


def image_of(network: keras.Model) -> tuple[int, int, int]:
    generates = "noise" in network.input
    return (network.output if generates else network.input["image"]).shape[1:]


def small_map(network: keras.Model) -> tuple[int, int, int] | None:
    """[h, w, c] that a generator's first layer gives, or a discriminator's head takes."""
    generates = "noise" in network.input
    for layer in network.layers:
        if isinstance(layer, layers.Reshape if generates else layers.Flatten):
            return (layer.output if generates else layer.input).shape[1:]
    return None


def class_count(network: keras.Model) -> int:
    """The number of classes of a conditional network."""
    tables: Iterable[Any] = (
        variable.shape[0]
        for layer in network.layers
        if isinstance(layer, (layers.Embedding, ConditionalNorm))
        for variable in layer.trainable_variables
    )
    return max(tables)
