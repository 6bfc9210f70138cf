"""Gaussian blur before comparison: a shift by one pixel is not a defect."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

RADIUS = 3


def blurred(images: tf.Tensor, sigma: float = 1.0) -> tf.Tensor:
    """Gaussian blur, mirrored at the edges: float32 [N, H, W, C] -> the same; sigma in pixels."""
    channels = images.shape[-1]
    line = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / sigma) ** 2)
    kernel = np.repeat((line / line.sum())[:, None], channels, 1).astype(np.float32)
    edge = [RADIUS, RADIUS]
    wide = tf.pad(images, [[0, 0], edge, edge, [0, 0]], "SYMMETRIC")
    down = tf.nn.depthwise_conv2d(wide, kernel[:, None, :, None], (1, 1, 1, 1), "VALID")
    return tf.nn.depthwise_conv2d(down, kernel[None, :, :, None], (1, 1, 1, 1), "VALID")
