"""The detector itself: from an image to its score, p-value, verdict and heat-map, in one graph.

There is no other implementation: Python, SavedModel and LiteRT run this module.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import tensorflow as tf

from ...images import to_float
from .feature_parts import FeatureParts
from .moves import MOVES
from .parts import FEATURES, GAN, PIXELS
from .patch_parts import GanParts, PixelParts
from .patches import Grid
from .ranks import NONE, Ranks, flagged
from .roi import Roi

PATCHES = 256
"""Patches, and moves of patches, per call."""
LEAST = 0.25
"""Of the mean spread of a map: the least spread of a pixel. A black border has nearly none."""

Tensors = dict[str, tf.Tensor]


class Scorer(tf.Module):
    """Scores images by the parts that were chosen; the others can be measured.

    Args:
        grid: how an image is cut into patches, for the parts that look at patches.
        held: how many images will calibrate it, of each group.
        gan: None: the detector has no GAN.
        roi: None: whole images are inspected.

    Attributes:
        names: all parts that can be measured.
        chosen: those whose mean is the score; see `use`.
        drawn: maps whose mean is the heat-map.
    """

    def __init__(
        self,
        grid: Grid,
        features: FeatureParts,
        pixels: PixelParts,
        held: Sequence[int],
        gan: GanParts | None = None,
        roi: Roi | None = None,
    ):
        super().__init__()
        self.roi = roi
        self.grid, self.features, self.pixels, self.gan = grid, features, pixels, gan
        self.frozen = features.frozen
        self.names = (*FEATURES, *PIXELS, *(GAN if gan else ()))
        self.centre, self.spread = _numbers(len(self.names)), _numbers(len(self.names), value=1.0)
        self.ranks, self.alpha = Ranks(held), _numbers(value=0.05)
        self.chosen: tuple[str, ...] = ()
        self.drawn: tuple[str, ...] = ()
        self.usual: list[tf.Variable] = []
        self.varying: list[tf.Variable] = []

    @property
    def calibration(self) -> np.ndarray:
        """Scores of all calibration images, sorted."""
        scores = self.ranks.scores.numpy()
        return np.sort(scores[scores > NONE])

    def use(self, chosen: Sequence[str]) -> None:
        """Set the parts that make the score, and the maps that make the heat-map: those of chosen
        features, else those of the GAN if one of its parts is chosen, else "position"."""
        self.chosen = tuple(name for name in self.names if name in chosen)
        maps = list(dict.fromkeys(_map_of(name) for name in self.chosen if _map_of(name)))
        if not maps:
            maps = ["residual", "local"] if set(self.chosen) & set(GAN) else ["position"]
        self.drawn = tuple(maps)
        shapes = [self.grid.size if n in GAN else self.features.frozen.grid for n in self.drawn]
        self.usual = [_numbers(*shape) for shape in shapes]
        self.varying = [_numbers(*shape, value=1.0) for shape in shapes]

    def batch(self, names: Sequence[str] | None = None) -> int:
        """Images per call for these parts, None: the chosen: so many stay in the cache."""
        names = self.chosen if names is None else names
        most = self.features.frozen.batch
        if not set(names) & {*PIXELS, *GAN}:
            return most
        one = self.grid.count * (len(MOVES) if "moves" in names else 1)
        return min(most, max(1, PATCHES // one))

    def __call__(self, image: tf.Tensor) -> Tensors:
        """uint8 [N, H, W, C] -> what `verdict` gives, and heatmap float32 [N, H, W]."""
        logs, maps, _ = self._measured(image, {*self.chosen, *self.drawn})
        return {**self._judge(logs), "heatmap": self._heat(maps)}

    def places(self, image: tf.Tensor) -> Tensors:
        """The same, and places float32 [N, h w, D]: the vectors that `teaching` learns from."""
        logs, maps, white = self._measured(image, {*self.chosen, *self.drawn, "position"})
        found = {**self._judge(logs), "heatmap": self._heat(maps)}
        return {**found, "places": tf.transpose(white, (1, 0, 2))}

    def _heat(self, maps: Tensors) -> tf.Tensor:
        heat = []
        for name, usual, varying in zip(self.drawn, self.usual, self.varying, strict=True):
            one = (maps[name] - usual) / varying
            if tuple(one.shape[1:]) != self.grid.size:
                one = tf.image.resize(one[..., None], self.grid.size, "bilinear")[..., 0]
            heat.append(one)
        drawn = tf.add_n(heat) / len(heat)
        if self.roi is not None:
            drawn = drawn * tf.constant(self.roi.mask, tf.float32)
        return drawn

    def verdict(self, image: tf.Tensor) -> Tensors:
        """uint8 [N, H, W, C] -> score, p_value float32 [N], defective bool [N].

        What only a heat-map needs (an encoder, a generator) is not in this graph.
        """
        return self._judge(self._measured(image, self.chosen)[0])

    def measure(self, image: tf.Tensor, names: Sequence[str] | None = None) -> tf.Tensor:
        """uint8 [N, H, W, C] -> logarithms of parts [N, names]; None: of all."""
        names = self.names if names is None else names
        logs, _, _ = self._measured(image, names)
        return tf.stack([logs[name] for name in names], -1)

    def maps(self, image: tf.Tensor) -> list[tf.Tensor]:
        """uint8 [N, H, W, C] -> the maps that the heat-map is made of, [N, h, w] each."""
        _, maps, _ = self._measured(image, self.drawn)
        return [maps[name] for name in self.drawn]

    def _measured(
        self, image: tf.Tensor, names: Collection[str]
    ) -> tuple[Tensors, Tensors, tf.Tensor | None]:
        """Logarithms [N] by part; square roots of distances by map; vectors of places."""
        if self.roi is not None:
            within = tf.constant(self.roi.mask[..., None], tf.float32)
            fill = tf.constant(self.roi.fill, tf.float32)
            image = within * tf.cast(image, tf.float32) + (1 - within) * fill
        needs = set(names) & set(FEATURES)
        found, maps, white = self.features(image) if needs else ({}, {}, None)
        logs = {name: tf.math.log(one) for name, one in found.items()}
        if set(names) & {*PIXELS, *GAN}:
            patches = self.grid.cut(to_float(image))
            of_patches = self.pixels(patches)
            if self.gan is not None and set(names) & set(GAN):
                of_gan, drawn = self.gan(patches, names)
                of_patches |= of_gan
                maps |= {name: self.grid.merge(tf.sqrt(one)) for name, one in drawn.items()}
            logs |= {n: self.grid.highest(tf.math.log(x + 1e-6)) for n, x in of_patches.items()}
        rooted = {n: tf.sqrt(one) if n in FEATURES else one for n, one in maps.items()}
        return logs, rooted, white

    def _judge(self, logs: Tensors) -> Tensors:
        """Logarithms of the chosen parts -> score, p-value and verdict."""
        at = [self.names.index(name) for name in self.chosen]
        chosen = tf.stack([logs[name] for name in self.chosen], -1)
        scaled = (chosen - tf.gather(self.centre, at)) / tf.gather(self.spread, at)
        score = tf.reduce_mean(scaled, -1)
        p_value = self.ranks(score)
        return {"score": score, "p_value": p_value, "defective": flagged(p_value, self.alpha)}


def spread_of(square: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The spread of each place of a map, from means of squares and of values, [h, w]."""
    varying = np.sqrt(np.maximum(square - mean**2, 0))
    return np.maximum(varying, LEAST * varying.mean()) + 1e-6


def _map_of(part: str) -> str:
    """The map of a feature part; "": it has none."""
    part = part.removesuffix("_mean")
    return part if part in FEATURES and part != "pooled" else ""


def _numbers(*shape: int, value: float = 0.0) -> tf.Variable:
    return tf.Variable(tf.fill(shape, value), trainable=False)
