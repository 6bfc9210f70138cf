"""Weights from one network to another of the same kind: other sizes, colours, classes and widths.

Layers are paired by their kind and their place: the map on which they work, counted in doublings
from the image, and their order on it. What fits is taken; what differs is adapted so that the
network computes the same as before, or nearly; what has no partner begins anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
from keras import layers

from ..base.building import building
from .fitting import channels, classes_of, colours, resampled
from .networks.base import map_sizes
from .pairing import Unit, class_count, image_of, small_map, units

SAMPLES = 2048
"""Noise vectors by which a first layer is fitted to a removed block."""


@dataclass
class Transfer:
    """What a network has of another one. Layers by kind and map, such as "Conv2D4x4 16x16".

    Attributes:
        taken: unchanged.
        adapted: changed to another shape.
        anew: with their initial weights.
    """

    taken: list[str] = field(default_factory=list)
    adapted: list[str] = field(default_factory=list)
    anew: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, list[str]]:
        return {"taken": self.taken, "adapted": self.adapted, "anew": self.anew}


def transfer(
    source: keras.Model, target: keras.Model, rows: Sequence[int | None] | None = None
) -> Transfer:
    """Give `target` the weights of `source`; both are generators, or both are discriminators.

    Args:
        rows: for each class of the target the class of the source that is the same, or None; by
            default the first classes are the same.

    Source: widening a layer by splitting channels: Chen et al. 2016, arXiv:1511.05641.
    """
    given = {unit.place: unit for unit in units(source)}
    done = Transfer()
    fit = _Fit(source, target, rows)
    for unit in units(target):
        other = given.get(unit.place)
        taken = fit.unit(unit, other) if other else fit.added(unit)
        getattr(done, taken).append(unit.name)
    return done


class _Fit:
    """Adapts arrays of `source` to the shapes of `target`."""

    def __init__(
        self, source: keras.Model, target: keras.Model, rows: Sequence[int | None] | None
    ) -> None:
        self.source, self.target = source, target
        self.generates = "noise" in target.input
        self.image = [image_of(one)[-1] for one in (source, target)]
        self.maps = [small_map(one) for one in (source, target)]
        self.rows = rows
        self.random = np.random.default_rng(0)  # the same transfer gives the same weights

    def unit(self, unit: Unit, other: Unit) -> str:
        """Take a layer; returns "taken", "adapted" or "anew"."""
        if self.generates and unit.place[:2] == ("Dense", -1) and self._shortened():
            return self._regressed(unit)
        wanted, given = unit.weights(), other.weights()
        found = {}
        for role, variable in wanted.items():
            if role not in given:
                continue
            array = given[role].numpy()
            if role == "kernel" and other.spectral and not unit.spectral:
                array = array / max(float(other.layer.sigma()), 1e-12)
            if role == "bias" and self.generates and unit.place[0] == "Dense":
                array = array + self._mean_label(given["kernel"].numpy())
            found[role] = self._array(unit, role, array, tuple(variable.shape))
        if found.get("u", 0) is None:
            del found["u"]  # of spectral normalisation, which finds it again
        if any(array is None for array in found.values()) or not found:
            return "anew"
        for role, array in found.items():
            wanted[role].assign(array)
        same = all(given[role].shape == wanted[role].shape for role in found)
        return "taken" if same and found.keys() >= wanted.keys() - {"u"} else "adapted"

    def added(self, unit: Unit) -> str:
        """A layer of an added block: it doubles or halves its map by interpolation."""
        layer = unit.linear
        if isinstance(layer, layers.Embedding) and not self.generates:
            if unit.spectral:
                return "anew"  # a table of zeros cannot be divided by its largest singular value
            layer.embeddings.assign(np.zeros(layer.embeddings.shape))  # no class is known yet
            return "adapted"
        if not unit.place[0].startswith(("Conv2DTranspose4x4", "Conv2D4x4")):
            return "anew"
        kernel = layer.kernel
        if kernel.shape[2] != kernel.shape[3] or unit.spectral:
            return "anew"
        taps = np.array([1, 3, 3, 1]) / (4 if self.generates else 8)
        kernel.assign(np.outer(taps, taps)[..., None, None] * np.eye(kernel.shape[2]))
        return "adapted"

    def _array(
        self, unit: Unit, role: str, array: np.ndarray, shape: tuple[int, ...]
    ) -> np.ndarray | None:
        """An array of this role in another shape, or None."""
        linear = unit.linear
        if role == "u":
            return array if array.shape == shape else None
        if isinstance(linear, layers.Embedding):
            return self._table(unit, array, shape)
        if unit.place[0] == "norm" and 2 in (array.ndim, len(shape)):
            return classes_of(array, shape, self.rows)
        if isinstance(linear, layers.Dense) and role == "kernel":
            return self._dense(array, shape, linear)
        if array.ndim != len(shape) or array.shape[:-2] != shape[:-2]:
            return None
        if array.ndim == 1:
            if isinstance(linear, layers.Dense) and self.generates:
                return self._along_map(array, 0, shape[0])
            return self._channels(array, 0, shape[0], "out", role)
        outer = -2 if isinstance(linear, layers.Conv2DTranspose) else -1
        for axis, side in ((outer, "out"), (-3 - outer, "in")):
            found = self._channels(array, axis, shape[axis], side, role)
            if found is None:
                return None
            array = found
        return array

    def _channels(
        self, array: np.ndarray, axis: int, size: int, side: str, role: str
    ) -> np.ndarray | None:
        given = array.shape[axis]
        if [given, size] == self.image and (side == "out") == self.generates:
            return colours(array, axis, size, side, bias=role == "bias")
        return channels(array, axis, size, side, self.random)

    def _dense(
        self, array: np.ndarray, shape: tuple[int, ...], layer: keras.Layer
    ) -> np.ndarray | None:
        """A generator's first layer [noise, h w c], or a discriminator's head [h w c, 1]."""
        if not self.generates:
            if array.shape[1] != shape[1]:
                return None
            return self._along_map(array, 0, shape[0], total=True)
        found = self._along_map(array, 1, shape[1])
        if found is None:
            return None
        noise = [one.input["noise"].shape[-1] for one in (self.source, self.target)]
        kept, kernel = min(noise), layer.kernel.numpy()
        # The labels' vectors follow the noise. A shorter noise keeps its effect.
        kernel[: noise[1]] = 0
        kernel[:kept] = found[:kept] * (noise[0] / kept) ** 0.5
        if len(found) - noise[0] == len(kernel) - noise[1]:
            kernel[noise[1] :] = found[noise[0] :]
        return kernel

    def _mean_label(self, kernel: np.ndarray) -> np.ndarray | float:
        """What the vectors of labels add to the first layer, on average, if the target has none."""
        table = [one for one in self.source.layers if isinstance(one, layers.Embedding)]
        if not table or "label" in self.target.input:
            return 0.0
        return table[0].embeddings.numpy().mean(0) @ kernel[-table[0].output_dim :]

    def _along_map(
        self, array: np.ndarray, axis: int, size: int, total: bool = False
    ) -> np.ndarray | None:
        """Resample an axis of h w c numbers to the target's smallest map; with `total` so that
        the sum over a constant map stays."""
        if array.shape[axis] == size:
            return array
        before, after = self.maps
        if not before or not after or (math.prod(before), math.prod(after)) != (
            array.shape[axis], size,
        ):  # fmt: skip
            return None
        split = array.shape[:axis] + before + array.shape[axis + 1 :]
        found = resampled(array.reshape(split), axis, after[:2], total)
        side = "in" if total else "out"
        fitted = channels(found, axis + 2, after[2], side, self.random)
        if fitted is None:
            return None
        return fitted.reshape((*array.shape[:axis], size, *array.shape[axis + 1 :]))

    def _table(self, unit: Unit, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
        """The vectors of the classes; those of new ones are the mean."""
        if not self.generates:
            along = self._along_map(array, 1, shape[1], total=True)
            if along is None:
                return None
            array = along
        return classes_of(array, shape, self.rows)

    def _shortened(self) -> bool:
        """Whether the target begins on a map that the source reaches after a block."""
        levels = [len(map_sizes(image_of(one))) for one in (self.source, self.target)]
        return levels[1] < levels[0]

    def _regressed(self, unit: Unit) -> str:
        """A first layer that draws, as well as a linear map can, what the source has after the
        blocks that the target leaves out: by least squares over noise."""
        size = self.maps[1]
        partner = self._after_first()
        if partner is None or not size or unit.linear.kernel.shape[1] != math.prod(size):
            return "anew"
        with building():
            below = keras.Model(self.source.inputs, partner.layer.input)
        names = [tensor.name for tensor in self.source.inputs]
        noise = self.random.normal(size=(SAMPLES, self.source.input["noise"].shape[-1]))
        given: dict[str, np.ndarray] = {"noise": noise.astype(np.float32)}
        if "label" in names:
            given["label"] = np.arange(SAMPLES, dtype=np.int32) % class_count(self.source)
        maps = np.concatenate([
            below([given[name][start : start + 256] for name in names], training=False).numpy()
            for start in range(0, SAMPLES, 256)
        ])  # fmt: skip
        if maps.shape[3] != size[2]:
            return "anew"
        maps = resampled(maps, 1, size[:2], total=False).reshape(SAMPLES, -1)
        design = np.concatenate([noise, np.ones((SAMPLES, 1))], axis=1)
        found = np.linalg.lstsq(design, maps, rcond=None)[0]
        kernel = unit.linear.kernel.numpy()
        kept = min(len(found) - 1, self.target.input["noise"].shape[-1])
        kernel[:kept] = found[:kept]
        unit.linear.kernel.assign(kernel)
        unit.linear.bias.assign(found[-1])
        return "adapted"

    def _after_first(self) -> Unit | None:
        """The source's partner of the target's first layer on a map."""
        on_maps = [unit for unit in units(self.target) if unit.place[1] >= 0]
        given = {unit.place: unit for unit in units(self.source)}
        return given.get(on_maps[-1].place) if on_maps else None
