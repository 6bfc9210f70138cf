"""Features of a frozen pretrained network: a vector for each place of an image, and one for all.

The network is the bundled EfficientNet-Lite0; nothing of it is trained. Places lie 8 pixels apart.
Maps of stride 16 say more about a place than finer ones, and the 3 x 3 mean makes neighbours alike:
a shift by a few pixels is not a defect (PatchCore, arXiv:2106.08265, section 3.1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ...features.bundled import inner_maps

STRIDE = 8
BATCH = 16
"""Images of 128 x 128 px per call of the network."""


class Evidence(NamedTuple):
    """Of N images: `places` float32 [N, h, w, 232], `pooled` float32 [N, 1280]."""

    places: tf.Tensor
    pooled: tf.Tensor


class Frozen(tf.Module):
    """The network, and the change of size and colours before it.

    Args:
        shape: of the images, [H, W, C].
        detail: pixels of the longer side, as the network sees it; the aspect ratio stays.

    Attributes:
        grid: rows and columns of places.
        batch: images per call; so many stay in the processor's cache.
    """

    def __init__(self, shape: tuple[int, int, int], detail: int):
        super().__init__()
        size = seen_size(shape[:2], detail)
        self.grid = size[0] // STRIDE, size[1] // STRIDE
        self.batch = max(1, BATCH * 128**2 // (size[0] * size[1]))
        self.network = inner_maps(size)
        self.weights = [v.value for v in self.network.variables]
        self._resizing = [
            None if old == new else tf.constant(resizing(old, new))
            for old, new in zip(shape[:2], size, strict=True)
        ]

    def __call__(self, image: tf.Tensor) -> Evidence:
        """uint8 [N, H, W, C] -> `Evidence`."""
        x = self._resized(_light(tf.cast(image, tf.float32)))
        if x.shape[3] == 1:
            x = tf.concat([x, x, x], 3)
        fine, *coarse, pooled = self.network(x, training=False)
        # Averages and enlargements of maps are exchangeable with the projection that follows.
        maps = [_averaged(fine)]
        for one in coarse:
            maps.append(tf.image.resize(_averaged(one), self.grid, "bilinear"))
        return Evidence(tf.concat(maps, -1), pooled)

    def _resized(self, x: tf.Tensor) -> tf.Tensor:
        """By matrix products: LiteRT has no antialiased resizing."""
        rows, columns = self._resizing
        channels = x.shape[3]
        if rows is not None:
            x = tf.matmul(rows, tf.reshape(x, (-1, rows.shape[1], x.shape[2] * channels)))
            x = tf.reshape(x, (-1, rows.shape[0], x.shape[2] // channels, channels))
        if columns is not None:
            x = tf.transpose(x, (0, 1, 3, 2))
            x = tf.matmul(x, columns, transpose_b=True)
            x = tf.transpose(x, (0, 1, 3, 2))
        return tf.clip_by_value(x, 0.0, 255.0)


def seen_size(size: tuple[int, int], detail: int) -> tuple[int, int]:
    """Height and width as the network sees them: multiples of 16, the longer one is `detail`."""
    longer = max(size)
    height, width = (max(32, 16 * round(side * detail / longer / 16)) for side in size)
    return height, width


def resizing(old: int, new: int) -> np.ndarray:
    """The matrix [new, old] that changes the length of an axis: bicubic, antialiased.

    Source: Keys 1981, "Cubic convolution interpolation", a = -1/2; widened where an axis shrinks.
    """
    wide = max(1.0, old / new)
    at = (np.arange(new) + 0.5) * old / new - 0.5
    apart = np.abs(at[:, None] - np.arange(old)) / wide
    near = 1.5 * apart**3 - 2.5 * apart**2 + 1
    far = -0.5 * apart**3 + 2.5 * apart**2 - 4 * apart + 2
    kernel = np.where(apart < 1, near, np.where(apart < 2, far, 0))
    return (kernel / kernel.sum(1, keepdims=True)).astype(np.float32)


def _light(x: tf.Tensor) -> tf.Tensor:
    """Grey or RGB: alpha is laid over white."""
    if x.shape[3] not in (2, 4):
        return x
    alpha = x[..., -1:] / 255
    return x[..., :-1] * alpha + 255 * (1 - alpha)


def _averaged(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.avg_pool2d(x, 3, 1, "SAME")
