"""Penalties: what the discriminator pays for being steep.

A penalty sees two `Critique`s, one of real and one of fake images, and returns one value per
image. It shares the forward pass with the loss; the game multiplies by `weight` and asks only
each `every`-th step (then counting the answer `every` times).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import tensorflow as tf


class Critique:
    """What the discriminator said about a batch, and how to ask it why.

    Args:
        discriminator: a function of images [B, H, W, C] -> logits [B, 1].
        images: [B, H, W, C].

    Attributes:
        images: as given.
        logits: [B] float32.
    """

    def __init__(self, discriminator: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor):
        self.images = images
        # Persistent, because two penalties may ask the same critique.
        self._tape = tf.GradientTape(persistent=True)
        with self._tape:
            self._tape.watch(images)
            self.logits = tf.reshape(tf.cast(discriminator(images), tf.float32), [-1])

    def gradient(self) -> tf.Tensor:
        """d logits / d images, [B, H, W, C]: how each pixel would move its image's logit."""
        return self._tape.gradient(self.logits, self.images)


class Penalty(ABC):
    """One reason for the discriminator to stay calm.

    Args:
        weight: what the value is multiplied by.
        every: ask only each `every`-th step, and count it `every` times.
    """

    def __init__(self, weight: float, every: int = 1):
        if weight < 0 or every < 1:
            raise ValueError(f"weight {weight} and every {every}: weight >= 0 and every >= 1")
        self.weight = weight
        self.every = every

    @abstractmethod
    def per_image(self, real: Critique, fake: Critique) -> tf.Tensor:
        """Shapes: images [B, H, W, C] in both -> [B]. Unweighted."""


class R1(Penalty):
    """Keeps the discriminator flat around real images: half the squared norm of its gradient.

    Args:
        weight: gamma. Multiply by 4 when the resolution doubles.
        every: ask only each `every`-th step, and count it `every` times.

    Shapes: images [B, H, W, C] -> [B].
    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 9; lazy: Karras et al. 2020,
        arXiv:1912.04958, appendix B.
    """

    def per_image(self, real, fake):
        return half_squared_norm(real.gradient())


class R2(Penalty):
    """Keeps the discriminator flat around fake images: R1 on what the generator makes.

    Args:
        weight: gamma. Multiply by 4 when the resolution doubles.
        every: ask only each `every`-th step, and count it `every` times.

    Shapes: images [B, H, W, C] -> [B].
    Source: Mescheder et al. 2018, arXiv:1801.04406, eq. 10.
    """

    def per_image(self, real, fake):
        return half_squared_norm(fake.gradient())


def half_squared_norm(gradient: tf.Tensor) -> tf.Tensor:
    """Half the squared Euclidean norm per image: [B, H, W, C] -> [B]."""
    return 0.5 * tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3])


PENALTIES: dict[str, type[Penalty]] = {"r1": R1, "r2": R2}
