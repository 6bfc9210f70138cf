"""AnoGAN: search for the noise whose image resembles a given image, step by step.

Source: Schlegl et al. 2017, arXiv:1703.05921: 500 steps; the score is
    (1 - lambda) sum |x - G(z)| + lambda sum |f(x) - f(G(z))|, lambda = 0.1, f by Salimans et al.
Differs: many images are searched for at once, each with its own noise and its own Adam moments, so
    that none depends on its neighbours; the best noise on the way counts, not the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import UsageError
from ...images import to_float
from ...sampling import latent
from .blur import blurred
from .patches import Grid

STEPS = 500
LAMBDA = 0.1
RATE = 0.05
SLOWER = 300
"""The step from which the rate is a fifth of that."""
CHUNK = 128


def search(
    model: Any, grid: Grid, noise_size: int, images: np.ndarray, steps: int, start: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """AnoGAN's score and residuals.

    Args:
        model: a detector's SavedModel; grid: how it cuts an image into patches.
        images: uint8 [N, H, W, C], of the detector's size.
        steps: of the search; 0: the start alone counts.
        start: "noise", the same random one for each patch, or "encoder": from where f-AnoGAN ends.

    Returns: scores [N]; residuals |x - G(z)|, blurred, [N, H, W].
    """
    if start not in ("noise", "encoder") or steps < 0:
        raise UsageError(
            f"start must be noise or encoder, and steps 0 or more, got '{start}' and {steps}"
        )
    rng = np.random.Generator(np.random.Philox(seed))
    own = tf.constant(rng.standard_normal((1, noise_size)), tf.float32)
    scores, maps = [], []
    step = max(1, CHUNK // grid.count)
    for first in range(0, len(images), step):
        patches = grid.cut(tf.constant(to_float(images[first : first + step])))
        begin = model.encode(patches) if start == "encoder" else tf.repeat(own, len(patches), 0)
        cost, noise = _traced(model, patches, begin, tf.constant(steps))
        rest = tf.reduce_mean(tf.abs(patches - model.generate(noise)), -1, keepdims=True)
        scores.append(grid.worst(cost.numpy()))
        maps.append(grid.merge(blurred(rest)[..., 0]).numpy())
    return np.concatenate(scores), np.concatenate(maps)


def _descend(
    model: Any, patches: tf.Tensor, noise: tf.Tensor, steps: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """From each row of noise [M, Z] -> the lowest cost of each row [M], and its noise."""
    features = model.deepest(patches)

    def cost(z: tf.Tensor) -> tf.Tensor:
        generated = model.generate(z)
        pixels = tf.reduce_sum(tf.abs(patches - generated), (1, 2, 3))
        apart = tf.reduce_sum(tf.abs(features - model.deepest(generated)), (1, 2, 3))
        return (1 - LAMBDA) * pixels + LAMBDA * apart

    return latent.search(cost, noise, steps, _rate)


_traced = tf.function(_descend, reduce_retracing=True)


def _rate(step: tf.Tensor) -> tf.Tensor:
    return RATE * tf.where(step < SLOWER, 1.0, 0.2)
