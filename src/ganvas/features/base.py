"""What turns images into features, a fixed number of images at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ..base.progress import stage
from ..errors import UsageError

CHUNK = 64

Network = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
Sides = tuple[Any, ...]


class Extractor:
    """Turns images into features, a fixed number at a time: the same image, the same features.

    Grey images are repeated for networks that take colour, colour is turned to grey for those that
    take grey, and alpha is laid over white. Images of another size are stretched to the network's,
    antialiased (Parmar et al. 2022, arXiv:2104.11222), and not rounded afterwards.

    Attributes:
        name: "digits", "general", "inception-keras", or a file's name.
        sha256: of the file of weights, in hex.
        width: how many features there are, D.
        classes: how many classes it names, K; 0 for none.
        resize: the size images are brought to, and how.
    """

    def __init__(
        self,
        name: str,
        sha256: str,
        network: Network,
        shape: tuple[int | None, int | None, int],
        width: int,
        classes: int = 0,
    ) -> None:
        """Takes float32 0..255 [CHUNK, *shape] -> features [CHUNK, ...], probabilities or None."""
        self.name, self.sha256, self.width, self.classes = name, sha256, width, classes
        self._network, self._shape = network, shape
        fixed = f"{shape[0]}x{shape[1]}, bicubic, antialiased"
        self.resize = "none" if None in shape else fixed
        self._bring = tf.function(self._brought, autograph=False)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 [N, H, W, C] -> features float32 [N, D] and probabilities float32 [N, K] or None.

        Raises: UsageError: no images, channels that cannot be brought to the network's, or features
            that are not finite.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
            raise UsageError(
                f"{images.dtype} {list(images.shape)}: images are uint8 [N, H, W, C], at least one"
            )
        self.check(images.shape[1:])
        features = np.empty((len(images), self.width), np.float32)
        probabilities = np.empty((len(images), self.classes), np.float32) if self.classes else None
        with stage("computing features", len(images), "images") as computing:
            for start in range(0, len(images), CHUNK):
                rows = slice(start, start + CHUNK)
                piece = images[rows]
                # Always the same batch size: arithmetic that does not depend on N, one trace.
                padded = self._bring(np.resize(piece, (CHUNK, *piece.shape[1:])))
                found, classes = self._network(padded)
                features[rows] = np.reshape(found, (CHUNK, -1))[: len(piece)]
                if probabilities is not None:
                    probabilities[rows] = np.asarray(classes)[: len(piece)]
                computing.advance(len(piece))
        bad = len(features) - int(np.isfinite(features).all(1).sum())
        if bad:
            raise UsageError(
                f"features of {self.name} are NaN or infinite for {bad} of {len(images)} images; "
                "finite ones are needed: choose other features, such as general"
            )
        return features, probabilities

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises UsageError where images of this shape (H, W, C) cannot be brought to it."""
        takes = self._shape[2]
        if takes not in (1, 3, shape[2]):
            raise UsageError(
                f"{self.name} needs images of {takes} channels, got {shape[2]}; only 1 and 3 can "
                "be converted to each other: choose other features"
            )

    def _brought(self, images: tf.Tensor) -> tf.Tensor:
        height, width, channels = self._shape
        x = tf.cast(images, tf.float32)
        if channels != x.shape[3] and x.shape[3] in (2, 4):
            alpha = x[..., -1:] / 255
            x = x[..., :-1] * alpha + 255 * (1 - alpha)
        if channels == 1 and x.shape[3] == 3:
            x = tf.reduce_sum(x * [0.299, 0.587, 0.114], axis=3, keepdims=True)  # ITU-R BT.601
        elif channels == 3 and x.shape[3] == 1:
            x = tf.repeat(x, 3, axis=3)
        if None not in (height, width) and (height, width) != tuple(x.shape[1:3]):
            # The kernel of Pillow's bicubic filter, which overshoots at edges.
            x = tf.image.resize(x, (height, width), "bicubic", antialias=True)
            x = tf.clip_by_value(x, 0, 255)
        return x
