"""The contract of an augmentation, and shared functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import keras
import tensorflow as tf


class Augment(ABC):
    """A random change of real and fake images, which the discriminator must not use to
    distinguish them.

    Attributes:
        strength: probability of each change, a scalar; None if it is constant.
        variables: the state that it keeps from step to step, saved with the run.
        xla: whether XLA compiles the step; the GAN sets it.
    """

    xla: bool = False
    strength: tf.Tensor | None = None

    @property
    def variables(self) -> list[keras.Variable]:
        return []

    @abstractmethod
    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Shapes: [B, H, W, C] in [-1, 1], seed int32 [2] -> [B, H, W, C]. Each image has its own
        change; the same seed gives the same changes."""

    def observe(self, real: tf.Tensor, images: tf.Tensor) -> None:  # noqa: B027 - most have nothing to remember
        """Update the state by this turn's logits of so many real images; called once a turn."""


def policy_names(policy: str, known: Iterable[str]) -> list[str]:
    """The names in "a,b". Raises: ValueError: an unknown name, or none."""
    names = [name.strip() for name in policy.split(",") if name.strip()]
    if not names or set(names) - set(known):
        raise ValueError(f"policy must be any of {','.join(known)}, got '{policy}'")
    return names


def split_alpha(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Grey or RGB, and the alpha channel (empty if there is none)."""
    colours = 3 if images.shape[-1] > 2 else 1
    return images[..., :colours], images[..., colours:]


def gather_pixels(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Pixels at integer positions: [B, H, W, C], int32 [B, h, w] twice -> [B, h, w, C]."""
    _, height, width, channels = images.shape
    flat = tf.reshape(images, (-1, height * width, channels))
    return tf.gather(flat, rows * width + columns, batch_dims=1)
