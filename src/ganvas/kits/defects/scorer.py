"""The detector itself: from an image to its score, p-value, verdict and heat-map, in one graph.

There is no other implementation: Python, SavedModel and LiteRT run this module.
"""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from ...gan import GAN
from ...images import to_float
from . import encoder as encoders
from .blur import blurred
from .density import Gaussian, Nearest
from .game import Features
from .moves import MOVES, move, unsure
from .patches import Grid

PARTS = ("moves", "features", "nearest", "pixels", "residual", "feature_residual", "local")
"""What a score is made of. The first four look at a patch as a whole: how unsure the discriminator
is of its moves; how dense good patches lie around its features (Gaussian) and around its blurred
pixels (nearest neighbour, Gaussian); then, what the generator cannot draw of it, in pixels and in
features; and the most unusual places in it."""
WHOLE = {"moves": 1.0, "features": 1.0, "nearest": 1.0}
TILED = {"features": 1.0, "nearest": 1.0, "pixels": 1.0, "local": 1.0}
"""What each part weighs where an image is one patch, and where it is cut into several: the same for
all data, chosen as docs/decisions/11-defects.md says; no label of yours is asked for."""
GAN_PARTS = ("moves", "features", "residual", "feature_residual", "local")
TOP = 0.1
"""Share of an image's patches whose mean is its score."""
PLACES = 0.05
"""Share of a patch's places that "local" is the mean of."""
MAPS = ("residual", "local")


class Scorer(tf.Module):
    """Scores images by what the GAN, the encoder and the densities say of their patches.

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
        weights = WHOLE if grid.count == 1 else TILED
        self.weigh = tf.constant([weights.get(name, 0.0) for name in PARTS], tf.float32)
        count, (height, width) = len(PARTS), grid.size
        self.centre, self.spread = _numbers((count,)), _numbers((count,), 1.0)
        self.usual = _numbers((len(MAPS), height, width))
        self.varying = _numbers((len(MAPS), height, width), 1.0)
        self.calibration = _numbers((held,))
        self.alpha = _numbers((), 0.05)

    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """uint8 [N, H, W, C] -> score, p_value float32 [N], defective bool [N], heatmap [N, H, W].

        The p-value is conformal: (1 + #{calibration scores >= score}) / (n + 1).
        """
        logs, maps = self.look(image)
        score = self.score(logs)
        as_high = tf.cast(self.calibration[None] >= score[:, None], tf.float32)
        p_value = (1 + tf.reduce_sum(as_high, 1)) / (1 + self.calibration.shape[0])
        return {
            "score": score,
            "p_value": p_value,
            # A little above alpha counts as alpha: 5 / 100 and 0.05 differ in their last bit.
            "defective": p_value <= self.alpha + 1e-6,
            "heatmap": tf.reduce_mean((maps - self.usual) / self.varying, 1),
        }

    def score(self, logs: tf.Tensor) -> tf.Tensor:
        """Parts of images [N, count, parts] -> the mean of their most unusual patches, [N]."""
        each = tf.reduce_sum((logs - self.centre) / self.spread * self.weigh, -1)
        most = max(1, round(TOP * self.grid.count))
        worst = tf.math.top_k(each, most).values if self.grid.count > 1 else each
        return tf.reduce_mean(worst, 1) / tf.reduce_sum(self.weigh)

    def look(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """uint8 [N, H, W, C] -> logarithms of the parts [N, count, parts], maps [N, 2, H, W]."""
        patches = self.grid.cut(to_float(image))
        maps, _ = self.features(patches)
        again = self.generate(self.encode(patches, training=False))
        maps_again, _ = self.features(again)
        residual = tf.square(blurred(patches - again))
        places, odd = self._local(maps)
        soft = tf.reshape(blurred(patches), (-1, int(np.prod(patches.shape[1:]))))
        parts = {
            "moves": self._moves(patches),
            "pixels": self.density["pixels"](soft),
            "nearest": self.density["nearest"](soft),
            "features": self.density["features"](flat(maps[-1])),
            "residual": tf.reduce_mean(residual, (1, 2, 3)),
            "feature_residual": tf.reduce_mean(tf.square(maps[-1] - maps_again[-1]), (1, 2, 3)),
            "local": odd,
        }
        logs = tf.stack([tf.math.log(parts[name] + 1e-6) for name in PARTS], -1)
        drawn = [tf.sqrt(tf.reduce_mean(residual, -1)), tf.sqrt(places)]
        laid = tf.stack([self.grid.lay(one) for one in drawn], 1)
        return tf.reshape(logs, (-1, self.grid.count, len(PARTS))), laid

    def _moves(self, patches: tf.Tensor) -> tf.Tensor:
        every = tf.concat([move(patches, k) for k in range(len(MOVES))], 0)
        _, said = self.features(every)
        return unsure(tf.reshape(said, (len(MOVES), -1, len(MOVES))))

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
    """The two finest maps of features, one upon the other: [M, h, w, c0 + c1]."""
    fine, coarse = maps[:2]
    size = fine.shape[1:3]
    coarse = tf.repeat(tf.repeat(coarse, 2, 1), 2, 2)[:, : size[0], : size[1]]
    return tf.concat([fine, coarse], -1)


def flat(maps: tf.Tensor) -> tf.Tensor:
    """[M, h, w, c] -> [M, h w c]."""
    return tf.reshape(maps, (-1, int(np.prod(maps.shape[1:]))))


def _numbers(shape: tuple[int, ...], value: float = 0.0) -> tf.Variable:
    return tf.Variable(tf.fill(shape, value), trainable=False)
