"""The contract of an augmentation, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import keras
import tensorflow as tf


class Augment(ABC):
    """A random change of images that the discriminator should not learn to tell apart by.

    Attributes:
        strength: probability of each change, a scalar; None where it never varies.
        variables: what it remembers from step to step, saved with the run.
    """

    strength: tf.Tensor | None = None

    @property
    def variables(self) -> list[keras.Variable]:
        return []

    @abstractmethod
    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Shapes: [B, H, W, C] in [-1, 1], seed int32 [2] -> [B, H, W, C]. Every image is
        changed in its own way; the same seed gives the same changes."""

    def observe(self, real: tf.Tensor, images: tf.Tensor) -> None:  # noqa: B027 - most have nothing to remember
        """Remember this turn's logits of so many real images; called once a turn."""


def policy_words(policy: str, known: Iterable[str]) -> list[str]:
    """The names in "a,b", each known. Raises ValueError."""
    words = [word.strip() for word in policy.split(",") if word.strip()]
    if not words or set(words) - set(known):
        raise ValueError(f"policy must be any of {','.join(known)}, got '{policy}'")
    return words


def split_alpha(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Grey or RGB, and the alpha channel (empty where there is none)."""
    colours = 3 if images.shape[-1] > 2 else 1
    return images[..., :colours], images[..., colours:]


def gather_pixels(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Pixels at whole places, [B, H, W, C], int32 [B, h, w] twice -> [B, h, w, C]."""
    _, height, width, channels = images.shape
    flat = tf.reshape(images, (-1, height * width, channels))
    return tf.gather(flat, rows * width + columns, batch_dims=1)
