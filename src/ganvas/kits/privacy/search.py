"""Latent search: how near does an optimised latent vector come to an image, or to its part?"""

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

View = Callable[[tf.Tensor], tf.Tensor]  # what an attacker has of images: [B, H, W, C] -> [B, ...]


def by_search(case: Case, small: np.ndarray, images: np.ndarray, steps: int) -> np.ndarray:
    """The nearer the best image that was found, the more suspicious.

    Args:
        small: uint8 [Q, h, w, C]; images: the same in full, float [Q, H, W, C] in [-1, 1].
        steps: of the search.

    Source: Chen et al. 2020, arXiv:1909.03935, white box. Differs: no perceptual network; starts
        at the nearest samples, as their partial black box ends.
    """
    rows, _ = nearest(Sample.of_pixels(small), Sample.of_pixels(case.small), STARTS)
    return -nearest_images(case, rows, images, steps, tf.identity)[0]


def nearest_images(
    case: Case, starts: np.ndarray, images: np.ndarray, steps: int, view: View
) -> tuple[np.ndarray, np.ndarray]:
    """The least mean squared difference in what the attacker has, [Q], and the image that the
    generator draws there, float32 [Q, H, W, C].

    Adam on the noise, from the noise of some fakes, all images of a batch together.

    Args:
        starts: rows of the fakes, int64 [Q, S].
        images: float [Q, H, W, C] in [-1, 1].
        view: what of them is compared.
    """
    sampler, noise = case.sampler, case.noise
    if sampler is None or noise is None:
        raise ValueError("a folder of images has no noise to search")
    least, drawn = np.full(len(images), np.inf), np.empty(images.shape, np.float32)
    climb = _searcher(sampler, steps, view)
    places = [(start, first) for start in starts.T for first in range(0, len(images), _BATCH)]
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
            cost, made = (found.numpy()[:count] for found in climb(*inputs))
            better = cost < least[part]
            least[part] = np.where(better, cost, least[part])
            drawn[part] = np.where(better[:, None, None, None], made, drawn[part])
            searching.advance()
    return least, drawn


def _searcher(
    sampler: Sampler, steps: int, view: View
) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    """noise [B, Z], images [B, H, W, C], label [B]? -> the least squared difference, [B], and the
    image there."""

    def prior(noise: tf.Tensor) -> tf.Tensor:
        return _PRIOR * tf.reduce_mean(noise**2, axis=1)

    def climb(
        noise: tf.Tensor, images: tf.Tensor, label: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def drawn(noise: tf.Tensor) -> tf.Tensor:
            inputs = {"noise": noise} if label is None else {"noise": noise, "label": label}
            return tf.cast(sampler.generator(inputs, training=False), tf.float32)

        def cost(noise: tf.Tensor) -> tf.Tensor:
            apart = tf.square(view(drawn(noise)) - view(images))
            return tf.reduce_mean(apart, axis=list(range(1, apart.shape.rank)))

        least, best = latent.search(cost, noise, steps, RATE, decay=DECAY, penalty=prior)
        return least, drawn(best)

    return tf.function(climb)
