"""How unusual each place of an image is: a Gaussian of each place, and a bank of good places.

Both are fitted in NumPy on vectors of places and evaluated in a graph: float32 [N, P, D] -> squared
distances [N, P].
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from .density import TINY

FLOOR = 0.01
"""Of the mean variance over all places: the least that is added to a place's own. A place that is
the same in all good images (a black border) has none."""
BANK = 2000
"""Most vectors in a bank."""


class PlaceGaussian(tf.Module):
    """Squared Mahalanobis distance of each place from the good vectors of the same place.

    Source: Defard et al. 2021 (PaDiM), arXiv:2011.08785.
    Differs: principal axes instead of random coordinates; the share of shrinkage follows from the
        number of images (see `PlaceMoments`), instead of a fixed term.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__()
        self.mean = tf.Variable(arrays["mean"], trainable=False, name="mean")
        self.whiten = tf.Variable(arrays["whiten"], trainable=False, name="whiten")

    def white(self, x: tf.Tensor) -> tf.Tensor:
        """[N, P, D] -> the same, of good images uncorrelated with variance 1: [P, N, D]."""
        return tf.matmul(tf.transpose(x - self.mean, (1, 0, 2)), self.whiten)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return self.distance(self.white(x))

    @staticmethod
    def distance(white: tf.Tensor) -> tf.Tensor:
        """[P, N, D] -> [N, P]."""
        return tf.transpose(tf.reduce_mean(tf.square(white), -1)) + TINY


class PlaceMoments:
    """Mean and covariance of each place, summed up chunk by chunk: memory does not grow.

    Args:
        near: [P, D], close to the means: sums of squared differences from it lose no digits.
    """

    def __init__(self, near: np.ndarray):
        self.near, self.count = np.asarray(near, np.float64), 0
        places, width = near.shape
        self.first = np.zeros((places, width))
        self.second = np.zeros((places, width, width))
        self.fourth = np.zeros(places)

    def add(self, x: np.ndarray) -> None:
        """x: [N, P, D]."""
        apart = (x - self.near).transpose(1, 0, 2)
        self.count += len(x)
        self.first += apart.sum(1)
        self.second += apart.transpose(0, 2, 1) @ apart
        self.fourth += np.square(np.square(apart).sum(-1)).sum(1)

    def covariances(self) -> np.ndarray:
        """[P, D, D], with the sum divided by the number of images."""
        mean = self.first / self.count
        return self.second / self.count - mean[:, :, None] * mean[:, None, :]

    def share(self) -> float:
        """Shrinkage towards a multiple of the identity: the mean over places of the best share.

        Source: Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance
            matrices", Journal of Multivariate Analysis 88. One share for all places: that of a
            single place is estimated from few images.
        """
        covariance = self.covariances()
        width = covariance.shape[1]
        squares = np.square(covariance).sum((1, 2))
        variance = np.trace(covariance, axis1=1, axis2=2) / width
        unlike = squares - width * variance**2
        error = (self.fourth / self.count - squares) / self.count
        varying = unlike > 1e-9 * max(1e-30, float(unlike.max()))
        return (
            float(np.clip(error[varying] / unlike[varying], 0, 1).mean()) if any(varying) else 1.0
        )

    def fit(self) -> dict[str, np.ndarray]:
        """The arrays of `PlaceGaussian`."""
        covariance, share = self.covariances(), self.share()
        width = covariance.shape[1]
        variance = np.trace(covariance, axis1=1, axis2=2) / width
        least = FLOOR * variance.mean() + 1e-12
        covariance *= 1 - share
        covariance[:, range(width), range(width)] += (share * variance + least)[:, None]
        whiten = np.linalg.inv(np.linalg.cholesky(covariance)).transpose(0, 2, 1)
        mean = self.near + self.first / self.count
        return {"mean": mean.astype(np.float32), "whiten": whiten.astype(np.float32)}


class Bank(tf.Module):
    """Squared distance of each place to the nearest vector in a bank of good ones.

    Source: Roth et al. 2022 (PatchCore), arXiv:2106.08265, without the weight by neighbours.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__()
        self.known = tf.Variable(arrays["known"], trainable=False, name="known")
        self.scale = tf.Variable(arrays["scale"], trainable=False, name="scale")

    @staticmethod
    def fit(x: np.ndarray, most: int = BANK) -> dict[str, np.ndarray]:
        """x: [M, D], in any order; the arrays of the constructor."""
        known = np.asarray(x, np.float32)[coreset(x, most)]
        return {"known": known, "scale": np.float32(1 / (np.var(x, 0).sum() + TINY))}

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        places, width = x.shape[1:]
        flat = tf.reshape(x, (-1, width))
        far = tf.reduce_sum(tf.square(self.known), -1)
        apart = far - 2 * tf.matmul(flat, self.known, transpose_b=True)
        nearest = tf.gather(self.known, tf.argmin(apart, -1, tf.int32))
        # |x|^2 - 2xy + |y|^2 of the nearest one would lose digits.
        squared = tf.reduce_sum(tf.square(flat - nearest), -1) * self.scale
        return tf.reshape(squared, (-1, places)) + TINY


def coreset(x: np.ndarray, most: int) -> np.ndarray:
    """Rows that cover all others: each next one is the row farthest from those before it, [most].

    Source: greedy k-centre, Gonzalez 1985; as PatchCore uses it.
    """
    x = np.asarray(x, np.float32)
    most = min(most, len(x))
    rows, away, squares = [0], np.full(len(x), np.inf, np.float32), np.square(x).sum(1)
    while len(rows) < most:
        last = rows[-1]
        np.minimum(away, squares - 2 * (x @ x[last]) + squares[last], out=away)
        rows.append(int(away.argmax()))
    return np.array(rows)
