"""The detector itself: from an image to its score, p-value, verdict and heat-map, in one graph.

There is no other implementation: Python, SavedModel and LiteRT run this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from ...gan.model import GAN
from ...images import to_float
from . import encoder as encoders
from .blur import blurred
from .density import Gaussian, Nearest
from .moves import MOVES, move, unsure
from .patches import Grid
from .training import Features

PARTS = ("moves", "features", "nearest", "pixels", "residual", "feature_residual", "local")
"""The parts of a score. The first four describe a patch as a whole: how uncertain the discriminator
is about its moves; how dense good patches are around its features (Gaussian) and around its blurred
pixels (nearest neighbour, Gaussian); then the error of its reconstruction by the generator, in
pixels and in features; and its most unusual places."""
WHOLE = ("moves", "features", "nearest")
TILED = ("features", "nearest", "pixels", "local")
"""The parts whose mean is the score where an image is one patch, and where it is cut into several:
the same for all data, chosen as in docs/decisions/11-defects.md; no label is needed."""
GAN_PARTS = ("moves", "features", "residual", "feature_residual", "local")
PLACES = 0.05
"""Share of a patch's places that "local" is the mean of."""
MAPS = ("residual", "local")


class Scorer(tf.Module):
    """Scores images: GAN, encoder and densities measure their patches.

    Args:
        densities: arrays of "pixels", "nearest", "features" and "local"; see `density`.
        held: how many images will calibrate it.
    """

    def __init__(
        self,
        grid: Grid,
        gan: GAN,
        encoder: keras.Model,
        densities: Mapping[str, Mapping[str, np.ndarray]],
        held: int,
    ):
        super().__init__()
        self.grid = grid
        self.features = Features(gan.discriminator)
        self.encode, self.generate = encoder, encoders.generator(gan)
        self.noise_size = gan.noise_size
        models = (gan.ema_generator, gan.discriminator, encoder)
        self.networks = [v.value for model in models for v in model.variables]
        kinds: dict[str, type] = dict.fromkeys(("pixels", "features", "local"), Gaussian)
        kinds["nearest"] = Nearest
        self.density: dict[str, Gaussian | Nearest] = {
            name: kind(densities[name]) for name, kind in kinds.items()
        }
        self.weighed = WHOLE if grid.count == 1 else TILED
        count, (height, width) = len(PARTS), grid.size
        self.centre, self.spread = _numbers((count,)), _numbers((count,), 1.0)
        self.usual = _numbers((len(MAPS), height, width))
        self.varying = _numbers((len(MAPS), height, width), 1.0)
        self.calibration = _numbers((held,))
        self.alpha = _numbers((), 0.05)

    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """uint8 [N, H, W, C] -> what `verdict` gives, and heatmap float32 [N, H, W]."""
        logs, maps = self.measure(image, self.weighed)
        heat = tf.reduce_mean((maps - self.usual) / self.varying, 1)
        return {**self._judge(logs), "heatmap": heat}

    def verdict(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """uint8 [N, H, W, C] -> score, p_value float32 [N], defective bool [N].

        Only a heat-map needs encoder and generator, so that the graph does without them.
        """
        return self._judge(self.measure(image, self.weighed)[0])

    def measure(
        self, image: tf.Tensor, names: Sequence[str] = PARTS
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """uint8 [N, H, W, C] -> logarithms of parts [N, count, names], maps [N, 2, H, W]."""
        patches = self.grid.cut(to_float(image))
        count, moved = tf.shape(patches)[0], len(MOVES) if "moves" in names else 1
        # One pass for every move: the first of them is none.
        maps, logits = self.features(tf.concat([move(patches, k) for k in range(moved)], 0))
        maps = [one[:count] for one in maps]
        generated = self.generate(self.encode(patches, training=False))
        maps_generated, _ = self.features(generated)
        residual = tf.square(blurred(patches - generated))
        places, odd = self._local(maps)
        soft = flat(blurred(patches))
        parts = {
            "pixels": self.density["pixels"](soft),
            "nearest": self.density["nearest"](soft),
            "features": self.density["features"](flat(maps[-1])),
            "residual": tf.reduce_mean(residual, (1, 2, 3)),
            "feature_residual": tf.reduce_mean(tf.square(maps[-1] - maps_generated[-1]), (1, 2, 3)),
            "local": odd,
        }
        if moved > 1:
            parts["moves"] = unsure(tf.reshape(logits, (moved, -1, moved)))
        logs = tf.math.log(tf.stack([parts[name] for name in names], -1) + 1e-6)
        drawn = [tf.sqrt(tf.reduce_mean(residual, -1)), tf.sqrt(places)]
        merged = tf.stack([self.grid.merge(one) for one in drawn], 1)
        return tf.reshape(logs, (-1, self.grid.count, len(names))), merged

    def _judge(self, logs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Logarithms of the weighed parts [N, count, weighed] -> score, p-value and verdict.

        The p-value is conformal: (1 + #{calibration scores >= score}) / (n + 1).
        """
        at = [PARTS.index(name) for name in self.weighed]
        scaled = (logs - tf.gather(self.centre, at)) / tf.gather(self.spread, at)
        each = tf.reduce_mean(scaled, -1)
        worst = tf.math.top_k(each, self.grid.top).values if self.grid.count > 1 else each
        score = tf.reduce_mean(worst, 1)
        as_high = tf.cast(self.calibration[None] >= score[:, None], tf.float32)
        p_value = (1 + tf.reduce_sum(as_high, 1)) / (1 + self.calibration.shape[0])
        # A little above alpha counts as alpha: 5 / 100 and 0.05 differ in their last bit.
        return {"score": score, "p_value": p_value, "defective": p_value <= self.alpha + 1e-6}

    def _local(self, maps: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """How unusual each pixel's neighbourhood is [M, S, S], and the most unusual ones [M]."""
        at = places(maps)
        size, width = at.shape[1:3], at.shape[3]
        odd = tf.reshape(self.density["local"](tf.reshape(at, (-1, width))), (-1, *size))
        most = max(1, round(PLACES * size[0] * size[1]))
        worst = tf.math.top_k(tf.reshape(odd, (-1, size[0] * size[1])), most).values
        grown = tf.image.resize(odd[..., None], (self.grid.side, self.grid.side), "bilinear")
        return blurred(grown)[..., 0], tf.reduce_mean(worst, 1)


def places(maps: list[tf.Tensor]) -> tf.Tensor:
    """The two finest maps of features, concatenated: [M, h, w, c0 + c1]."""
    fine, coarse = maps[:2]
    size = fine.shape[1:3]
    coarse = tf.repeat(tf.repeat(coarse, 2, 1), 2, 2)[:, : size[0], : size[1]]
    return tf.concat([fine, coarse], -1)


def flat(maps: tf.Tensor) -> tf.Tensor:
    """[M, h, w, c] -> [M, h w c]."""
    return tf.reshape(maps, (-1, int(np.prod(maps.shape[1:]))))


def _numbers(shape: tuple[int, ...], value: float = 0.0) -> tf.Variable:
    return tf.Variable(tf.fill(shape, value), trainable=False)
