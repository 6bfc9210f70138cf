"""The GAN of a detector: an ordinary run of the package, on good patches and their moves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...config import Config, load_recipe
from ...gan.model import GAN
from ...training.train import load_game, train_or_resume
from .moves import moved

VALUES: Mapping[str, Any] = {
    "networks.head": "auxiliary",
    "networks.minibatch": "none",
    "networks.width": 16,
    "networks.discriminator_width": 24,
    "networks.max_width": 128,
    "networks.noise": 64,
    "penalties": [{"name": "r1", "weight": 0.1, "every": 8, "start": 0.5}],
    "train.learning_rate": 1e-3,
    "train.discriminator_learning_rate": 2e-3,
    "train.decay": "none",
    "train.ema_kimg": 10.0,
    "train.tick_kimg": 16,
    "train.steps_per_execution": 25,
    "data.clusters": 0,
    "data.holdout": 0.0,
    "scores.times": 0,
    "watch.grids": 2,
    "watch.loggers": [],
}
"""Differences from the recipe `quick`: hinge loss with R1, no batch normalisation and nothing else
that mixes images in the discriminator, and an auxiliary classifier, of moves."""


def recipe(kimg: float, seed: int, changes: Mapping[str, Any]) -> Config:
    """The recipe of a detector's GAN."""
    values = {**VALUES, "train.kimg": kimg, "train.burn_in_kimg": kimg / 4, "train.seed": seed}
    return load_recipe("quick").with_values({**values, **changes})


def train_gan(patches: np.ndarray, folder: Path, config: Config, *, progress: bool = True) -> GAN:
    """Train, or resume an unfinished run; a finished run is only read.

    Args:
        patches: uint8 [N, S, S, C], of good images.
        folder: of the run.

    Raises: KeyboardInterrupt: it was stopped; another call resumes. Diverged.
    """
    run = train_or_resume(moved(patches), config, folder, progress=progress)
    if run.status() != "finished":
        raise KeyboardInterrupt
    return load_game(folder)


class Features:
    """The inner maps of a discriminator by depth, and its logits of moves.

    Attributes:
        maps: how many there are.
    """

    def __init__(self, discriminator: keras.Model):
        outputs = [x.output for x in discriminator.layers if isinstance(x, keras.layers.LeakyReLU)]
        self.maps = len(outputs)
        self.model = keras.Model(discriminator.input, [*outputs, discriminator.output])

    def __call__(self, images: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        """float32 [N, S, S, C] in [-1, 1] -> maps, finest first, and logits of moves [N, 8]."""
        label = tf.zeros(tf.shape(images)[:1], tf.int32)
        *maps, logits = self.model({"image": images, "label": label}, training=False)
        return maps, logits[:, 1:]
