"""The parts of a score that look at patches: by their pixels alone, and by a trained GAN.

Each gives the logarithm of a distance for every patch, [N * count].
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import keras
import numpy as np
import tensorflow as tf

from ...gan.model import GAN
from ...images import to_float
from . import encoder as encoders
from .blur import blurred
from .density import Gaussian, Nearest
from .moves import MOVES, move, unsure
from .training import Features

PLACES = 0.05
"""Share of a patch's places that "local" is the mean of."""
CHUNK = 256
"""Patches per call while fitting."""

Arrays = Mapping[str, Mapping[str, np.ndarray]]


class PixelParts(tf.Module):
    """Densities of blurred pixels. Args: the arrays of `fit`."""

    def __init__(self, arrays: Arrays):
        super().__init__()
        self.nearest, self.pixels = Nearest(arrays["nearest"]), Gaussian(arrays["pixels"])

    @staticmethod
    def fit(patches: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """patches: uint8 [M, S, S, C], in random order."""
        chunks = [
            blurred(tf.constant(to_float(patches[i : i + CHUNK]))).numpy()
            for i in range(0, len(patches), CHUNK)
        ]
        soft = np.concatenate(chunks).reshape(len(patches), -1)
        return {"nearest": Nearest.fit(soft), "pixels": Gaussian.fit(soft)}

    def __call__(self, patches: tf.Tensor) -> dict[str, tf.Tensor]:
        """float32 [M, S, S, C] -> by part, [M]."""
        soft = flat(blurred(patches))
        return {"nearest": self.nearest(soft), "pixels": self.pixels(soft)}


class GanParts(tf.Module):
    """GAN, encoder, and densities of the discriminator's features.

    Args:
        densities: the arrays of `fit`.
    """

    def __init__(self, gan: GAN, encoder: keras.Model, densities: Arrays):
        super().__init__()
        self.features = Features(gan.discriminator)
        self.encode, self.generate = encoder, encoders.generator(gan)
        self.noise_size = gan.noise_size
        models = (gan.ema_generator, gan.discriminator, encoder)
        self.networks = [v.value for model in models for v in model.variables]
        self.discriminator = Gaussian(densities["discriminator"])
        self.local = Gaussian(densities["local"])

    @staticmethod
    def fit(gan: GAN, patches: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The densities, from the patches that the GAN was trained on, uint8 [M, S, S, C]."""
        features = Features(gan.discriminator)
        deep, local = [], []
        rng = np.random.Generator(np.random.Philox(1))
        for start in range(0, len(patches), CHUNK):
            maps, _ = features(tf.constant(to_float(patches[start : start + CHUNK])))
            deep.append(flat(maps[-1]).numpy())
            at = places(maps).numpy()
            at = at.reshape(-1, at.shape[-1])
            local.append(at[rng.integers(0, len(at), 4 * len(deep[-1]))])
        return {
            "discriminator": Gaussian.fit(np.concatenate(deep)),
            "local": Gaussian.fit(np.concatenate(local)),
        }

    def __call__(
        self, patches: tf.Tensor, names: Collection[str]
    ) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """float32 [M, S, S, C] -> by part, [M]; maps of "residual" and "local", [M, S, S].

        Without "moves" among the names, the discriminator sees each patch once instead of eight
        times.
        """
        count, moved = tf.shape(patches)[0], len(MOVES) if "moves" in names else 1
        # One pass for every move: the first of them is none.
        maps, logits = self.features(tf.concat([move(patches, k) for k in range(moved)], 0))
        maps = [one[:count] for one in maps]
        generated = self.generate(self.encode(patches, training=False))
        maps_generated, _ = self.features(generated)
        residual = tf.square(blurred(patches - generated))
        odd_map, odd = self._local(maps, patches.shape[1])
        found = {
            "discriminator": self.discriminator(flat(maps[-1])),
            "local": odd,
            "residual": tf.reduce_mean(residual, (1, 2, 3)),
            "feature_residual": tf.reduce_mean(tf.square(maps[-1] - maps_generated[-1]), (1, 2, 3)),
        }
        if moved > 1:
            found["moves"] = unsure(tf.reshape(logits, (moved, -1, moved)))
        drawn = {"residual": tf.reduce_mean(residual, -1), "local": odd_map}
        return found, drawn

    def _local(self, maps: list[tf.Tensor], side: int) -> tuple[tf.Tensor, tf.Tensor]:
        """How unusual each pixel's neighbourhood is [M, S, S], and the most unusual ones [M]."""
        at = places(maps)
        size, width = at.shape[1:3], at.shape[3]
        odd = tf.reshape(self.local(tf.reshape(at, (-1, width))), (-1, *size))
        most = max(1, round(PLACES * size[0] * size[1]))
        worst = tf.math.top_k(tf.reshape(odd, (-1, size[0] * size[1])), most).values
        grown = tf.image.resize(odd[..., None], (side, side), "bilinear")
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
