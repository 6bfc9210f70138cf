"""Moves: transformations that the discriminator classifies besides real and fake.

To recognise how an image was rotated or shifted, a network must know how a good part appears. Of
another or a broken part the moves are classified with less certainty.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

MOVES = (
    (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1),
)  # fmt: skip
"""(quarter turns, quarters of a side down, to the right); shifts are cyclic. The first is no move:
it is the generator's label."""


NOTHING = 1e-3
"""Uncertainty below which differences are not informative."""


def moved(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Square images [N, S, S, C], each by every move [8 N, S, S, C], and the move as a label."""
    step = images.shape[1] // 4
    every = [
        np.roll(np.rot90(images, turns, (1, 2)), (down * step, right * step), (1, 2))
        for turns, down, right in MOVES
    ]
    return np.concatenate(every), np.repeat(np.arange(len(MOVES)), len(images))


def move(images: tf.Tensor, number: int) -> tf.Tensor:
    """The same in a graph, by one move: [N, S, S, C] -> [N, S, S, C]."""
    turns, down, right = MOVES[number]
    if turns == 2:
        return tf.reverse(images, (1, 2))
    if turns:
        return tf.reverse(tf.transpose(images, (0, 2, 1, 3)), (1 if turns == 1 else 2,))
    cut = (-(down or right) * (images.shape[1] // 4)) % images.shape[1]
    if down:
        return tf.concat([images[:, cut:], images[:, :cut]], 1)
    return tf.concat([images[:, :, cut:], images[:, :, :cut]], 2) if right else images


def unsure(logits: tf.Tensor) -> tf.Tensor:
    """Uncertainty about the moves: -sum_k log p(k | image moved by k).

    Shapes: logits [8, N, 8] -> [N].
    Source: Golan & El-Yaniv 2018, arXiv:1805.10917, by a discriminator that learns rotations
        within a GAN: Chen et al. 2019, arXiv:1811.11212.
    """
    wrong = 1 - np.eye(len(MOVES), dtype=np.float32)
    # Near certainty 1 - p is exact where log p is not: float32 has few values just below 1.
    doubt = tf.reduce_sum(tf.nn.softmax(logits) * wrong[:, None], -1)
    small = doubt * (1 + doubt / 2 * (1 + doubt * 2 / 3))
    sure = tf.reduce_sum(tf.nn.log_softmax(logits) * (1 - wrong)[:, None], -1)
    return tf.reduce_sum(tf.where(doubt < 0.01, small, -sure), 0) + NOTHING
