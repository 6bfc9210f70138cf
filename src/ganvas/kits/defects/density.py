"""How far a vector lies from good ones: densities, fitted in NumPy, evaluated in a graph.

None uses a label. Both take float32 [N, D] and give a positive number each, [N]: training vectors
have about 1. Densities of the places of an image are in `places`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

SHRINK = 0.05
TINY = 1e-6


class Gaussian(tf.Module):
    """Squared Mahalanobis distance, by the shrunk covariance's leading axes and one variance for
    all others.

    Source: Tipping & Bishop 1999, "Probabilistic principal component analysis"; shrinkage towards
        the mean variance: Ledoit & Wolf 2004.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__()
        self.mean, self.axes, self.scale, self.rest = (
            tf.Variable(arrays[name], trainable=False, name=name)
            for name in ("mean", "axes", "scale", "rest")
        )

    @staticmethod
    def fit(x: np.ndarray, axes: int = 128) -> dict[str, np.ndarray]:
        """x: [M, D]; the arrays of the constructor."""
        x = np.asarray(x, np.float32)
        mean = x.mean(0)
        kept = max(1, min(axes, len(x) // 4, x.shape[1] - 1))
        values, vectors = _principal(x - mean, kept)
        total = x.var(0).sum()
        typical = total / x.shape[1] + TINY
        others = max(0.0, total - values.sum()) / (x.shape[1] - kept)
        variances = (1 - SHRINK) * values + SHRINK * typical
        rest = (1 - SHRINK) * others + SHRINK * typical
        fitted = {
            "mean": mean, "axes": vectors, "scale": 1 / variances / x.shape[1],
            "rest": np.array(1 / rest / x.shape[1]),
        }  # fmt: skip
        return {name: value.astype(np.float32) for name, value in fitted.items()}

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        x = x - self.mean
        along = tf.matmul(x, self.axes)
        inside = tf.reduce_sum(tf.square(along) * self.scale, -1)
        return inside + _off(x, along, self.axes) * self.rest + TINY


class Nearest(tf.Module):
    """Squared distance to the nearest training vector, along the leading axes, and off them.

    Source: nearest-neighbour data description, Tax 2001, "One-class classification".
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__()
        self.mean, self.axes, self.known, self.scale = (
            tf.Variable(arrays[name], trainable=False, name=name)
            for name in ("mean", "axes", "known", "scale")
        )

    @staticmethod
    def fit(x: np.ndarray, axes: int = 64, most: int = 4096) -> dict[str, np.ndarray]:
        """x: [M, D], in no particular order: the first `most` are kept."""
        x = np.asarray(x, np.float32)
        mean = x.mean(0)
        _, vectors = _principal(x - mean, min(axes, x.shape[1], len(x)))
        fitted = {
            "mean": mean, "axes": vectors, "known": (x[:most] - mean) @ vectors,
            "scale": np.array(1 / (x.var(0).sum() + TINY)),
        }  # fmt: skip
        return {name: value.astype(np.float32) for name, value in fitted.items()}

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        x = x - self.mean
        along = tf.matmul(x, self.axes)
        far = tf.reduce_sum(tf.square(self.known), -1)
        apart = far - 2 * tf.matmul(along, self.known, transpose_b=True)
        nearest = tf.gather(self.known, tf.argmin(apart, -1, tf.int32))
        apart = tf.reduce_sum(tf.square(along - nearest), -1)
        return (apart + _off(x, along, self.axes)) * self.scale + TINY


def _off(x: tf.Tensor, along: tf.Tensor, axes: tf.Tensor) -> tf.Tensor:
    """Squared distance from the axes. |x|^2 - |along|^2 is the same, and loses digits."""
    return tf.reduce_sum(tf.square(x - tf.matmul(along, axes, transpose_b=True)), -1)


def _principal(x: np.ndarray, kept: int, rounds: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Variances [kept] and axes [D, kept] of centred rows, by iteration on a random subspace.

    Source: Halko, Martinsson & Tropp 2011, SIAM Review 53, algorithm 4.4.
    """
    if x.shape[1] <= 2 * kept:
        values, axes = np.linalg.eigh(x.T @ x / len(x))
        return np.maximum(values[::-1][:kept], 0.0), axes[:, ::-1][:, :kept]
    rng = np.random.Generator(np.random.Philox(0))
    basis = rng.standard_normal((x.shape[1], min(kept + 16, x.shape[1])))
    for _ in range(rounds):
        basis, _ = np.linalg.qr(x.T @ (x @ basis))
    _, spread, axes = np.linalg.svd(x @ basis, full_matrices=False)
    return np.square(spread[:kept]) / len(x), basis @ axes[:kept].T
