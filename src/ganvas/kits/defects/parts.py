"""The parts of a score: their names, what each measures, and how an image's number follows.

A part is the logarithm of a distance. Which of them a detector uses is chosen by planted defects
(`choosing`); the others stay in the model, so that a report can compare.
"""

from __future__ import annotations

import tensorflow as tf

FEATURES = {
    "position": "the most unusual place, compared with the same place of good images",
    "position_mean": "all places, compared with the same places of good images",
    "patch": "the most unusual twentieth of the places, compared with all good places together",
    "bank": "the same twentieth, by the distance to the nearest of 2,000 good places",
    "pooled": "the image as a whole",
}
"""By the frozen features of a pretrained network."""
PIXELS = {
    "nearest": "the blurred pixels, by the distance to the nearest training image",
    "pixels": "the blurred pixels, by a Gaussian",
}
"""By pixels alone."""
GAN = {
    "moves": "how uncertain the discriminator is about quarter turns and shifts",
    "discriminator": "the discriminator's deepest features, by a Gaussian",
    "local": "the most unusual places of the discriminator's maps",
    "residual": "what the generator cannot reconstruct, in pixels",
    "feature_residual": "what the generator cannot reconstruct, in the discriminator's features",
}
"""By a GAN that was trained on the good images."""
PARTS = FEATURES | PIXELS | GAN
TOP = 0.05
"""Share of the places that "patch" and "bank" are the mean of."""


def highest(values: tf.Tensor, share: float) -> tf.Tensor:
    """The mean of each row's highest values, at least one: [N, P] -> [N]."""
    count = max(1, round(share * values.shape[1]))
    return tf.reduce_mean(tf.math.top_k(values, count).values, 1)
