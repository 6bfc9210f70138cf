"""Latent search: how near does an optimised latent vector come to an image?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ...base.progress import stage
from ...evaluation.base import Sample
from ...evaluation.copies import nearest
from ...sampling import latent
from ...sampling.sampler import Sampler
from .case import Case

STARTS = 2
RATE, DECAY = 0.05, 0.99  # of Adam
_BATCH = 128
_PRIOR = 0.001  # of the noise's squared length, per number: keeps it where noise is


def by_search(case: Case, small: np.ndarray, images: np.ndarray, steps: int) -> np.ndarray:
    """The nearer the best image that was found, the more suspicious.

    Adam on the noise, from the noise of the two fakes nearest to the image, all images of a batch
    together; it minimises the mean squared difference of pixels.

    Args:
        small: uint8 [Q, h, w, C]; images: the same in full, float [Q, H, W, C] in [-1, 1].
        steps: of the search.

    Source: Chen et al. 2020, arXiv:1909.03935, white box. Differs: no perceptual network; starts
        at the nearest samples, as their partial black box ends.
    """
    sampler, noise = case.sampler, case.noise
    if sampler is None or noise is None:
        raise ValueError("a folder of images has no noise to search")
    rows, _ = nearest(Sample.of_pixels(small), Sample.of_pixels(case.small), STARTS)
    found = np.full(len(images), np.inf)
    climb = _searcher(sampler, steps)
    places = [(start, first) for start in rows.T for first in range(0, len(images), _BATCH)]
    with stage("searching in latent space", len(places), "batches") as searching:
        for start, first in places:
            part = slice(first, first + _BATCH)
            count = len(images[part])
            index = np.resize(start[part], _BATCH)
            inputs = [
                tf.constant(noise[index]),
                tf.constant(np.resize(images[part], (_BATCH, *images.shape[1:]))),
            ]
            if sampler.conditional and case.labels is not None:
                inputs.append(tf.constant(case.labels[index], tf.int32))
            found[part] = np.minimum(found[part], climb(*inputs).numpy()[:count])
            searching.advance()
    return -found


def _searcher(sampler: Sampler, steps: int) -> Callable[..., tf.Tensor]:
    """noise [B, Z], images [B, H, W, C], label [B]? -> the least squared difference, [B]."""

    def prior(noise: tf.Tensor) -> tf.Tensor:
        return _PRIOR * tf.reduce_mean(noise**2, axis=1)

    def climb(noise: tf.Tensor, images: tf.Tensor, label: tf.Tensor | None = None) -> tf.Tensor:
        def cost(noise: tf.Tensor) -> tf.Tensor:
            inputs = {"noise": noise} if label is None else {"noise": noise, "label": label}
            made = tf.cast(sampler.generator(inputs, training=False), tf.float32)
            return tf.reduce_mean(tf.square(made - images), axis=[1, 2, 3])

        return latent.search(cost, noise, steps, RATE, decay=DECAY, penalty=prior)[0]

    return tf.function(climb)
