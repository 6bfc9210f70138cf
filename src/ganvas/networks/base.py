"""The contract of a network pair."""

from __future__ import annotations

from abc import ABC, abstractmethod

import keras

Shape = tuple[int, int, int]


class Networks(ABC):
    """A generator and a discriminator that fit each other.

    Both are Functional Keras models over named inputs, so that they save, export and draw
    themselves. `label` [B] int32 stands among the inputs only when `classes` > 0.
    """

    @abstractmethod
    def generator(self, shape: Shape, classes: int = 0) -> keras.Model:
        """{"noise": [B, Z] ~ N(0, 1), "label": [B]} -> images [B, H, W, C] in [-1, 1]."""

    @abstractmethod
    def discriminator(self, shape: Shape, classes: int = 0) -> keras.Model:
        """{"image": [B, H, W, C], "label": [B]} -> logits [B, 1]; no sigmoid."""


def label_input() -> keras.KerasTensor:
    """The input for class labels: int32 [B]."""
    return keras.Input((), dtype="int32", name="label")
