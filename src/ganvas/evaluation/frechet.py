"""The Fréchet distance between Gaussians fitted to two sets of features."""

from __future__ import annotations

import numpy as np

from ..stats.intervals import around, deal
from .base import Comparison, Score, real_for_fake

ROWS = 4096  # features converted to float64 at a time
GROUPS = 10
# Images of each kind that are needed per dimension; see `frechet`.
PER_DIMENSION = 2


class Moments:
    """Count, mean and covariance of features that come in batches; float64, memory [D, D].

    Source: Chan, Golub and LeVeque 1979, updating formulas for sample variances.
    """

    def __init__(self, dimensions: int) -> None:
        self.count = 0
        self.mean = np.zeros(dimensions)
        self._scatter = np.zeros((dimensions, dimensions))

    @classmethod
    def of(cls, features: np.ndarray) -> Moments:
        """Of features [N, D], in blocks."""
        moments = cls(features.shape[1])
        for start in range(0, len(features), ROWS):
            moments.add(features[start : start + ROWS])
        return moments

    @property
    def covariance(self) -> np.ndarray:
        """[D, D], unbiased; zero below two images."""
        return self._scatter / max(1, self.count - 1)

    def add(self, batch: np.ndarray) -> None:
        """Add features [n, D]."""
        if len(batch):
            batch = np.asarray(batch, np.float64)
            mean = batch.mean(axis=0)
            centred = batch - mean
            self._combine(len(batch), mean, centred.T @ centred)

    def merge(self, other: Moments) -> None:
        """Add all images of another object."""
        if other.count:
            self._combine(other.count, other.mean, other._scatter)

    def without(self, part: Moments) -> Moments:
        """The moments of all images but those of `part`, which must be among them."""
        rest = Moments(len(self.mean))
        rest.count = self.count - part.count
        if rest.count:
            rest.mean = (self.count * self.mean - part.count * part.mean) / rest.count
            gap = rest.mean - part.mean
            shift = np.outer(gap, gap) * (rest.count * part.count / self.count)
            rest._scatter = self._scatter - part._scatter - shift
        return rest

    def _combine(self, count: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        total = self.count + count
        gap = mean - self.mean
        self._scatter += scatter + np.outer(gap, gap) * (self.count * count / total)
        self.mean = self.mean + gap * (count / total)
        self.count = total


def frechet_distance(a: Moments, b: Moments) -> float:
    """|mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2)).

    The last trace is computed as the sum of the square roots of the eigenvalues of R cov_b R with
    R = cov_a^(1/2). Both are symmetric, so the result is real, and exact for singular covariances.

    Source: Heusel et al. 2017, arXiv:1706.08500, eq. 6.
    """
    return _distance(a, b, root(a.covariance))


def root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric square root of a covariance; eigenvalues below rounding error become 0."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(_above_rounding(values))) @ vectors.T


def frechet(c: Comparison) -> Score:
    """The Fréchet distance of all images, with a jackknife interval over 10 groups of each kind.

    The expected distance is larger than that of infinitely many images, by about
    (1 / n_real + 1 / n_fake) times a constant, for fakes and real images: compare it with the
    floor, which has the same bias. With fewer than two images per dimension there is no value:
    real images with isotropic features would score a quarter of their whole variance.

    If the floor comes from a split of the real images, it is scaled to the counts of the score by
    this law. It was measured to hold within 6 % from one image per dimension, for isotropic
    features and for spectra that fall as 1/i (64 and 256 dimensions).
    """
    dimensions = c.real.features.shape[1]
    fewest, needed = min(len(c.real), len(c.fake)), PER_DIMENSION * dimensions
    if fewest < needed:
        why = f"{fewest} images are too few for {dimensions} dimensions, {needed} are needed"
        return Score(None, why=f"{why}: use kid")
    real, fake = _parts(c.real.features, c.seed), _parts(c.fake.features, c.seed)
    roots = root(real[0].covariance), root(fake[0].covariance)
    value = _distance(real[0], fake[0], roots[0])
    without = [
        np.array([_distance(one, all_.without(part), fixed) for part in parts])
        for (all_, parts), one, fixed in (
            (real, fake[0], roots[1]),
            (fake, real[0], roots[0]),
        )
    ]
    low, high = around(value, *without)
    return Score(value, max(0.0, low), high, _floor(c, real[0], roots[0]))


def _floor(c: Comparison, real: Moments, real_root: np.ndarray) -> float | None:
    if c.spare is not None:
        if len(c.spare) < PER_DIMENSION * len(real.mean):
            return None
        return _distance(real, Moments.of(c.spare.features), real_root)
    split = real_for_fake(c)
    if split is None or min(len(split.real), len(split.fake)) < len(real.mean):
        return None
    value = frechet_distance(Moments.of(split.real.features), Moments.of(split.fake.features))
    wanted = 1 / len(c.real) + 1 / len(c.fake)
    return value * wanted / (1 / len(split.real) + 1 / len(split.fake))


def _parts(features: np.ndarray, seed: int) -> tuple[Moments, list[Moments]]:
    """Moments of all images, and of each group."""
    dealt = deal(len(features), seed, GROUPS)
    parts = [Moments.of(features[dealt == group]) for group in range(dealt.max() + 1)]
    total = Moments(features.shape[1])
    for part in parts:
        total.merge(part)
    return total, parts


def _distance(a: Moments, b: Moments, root_a: np.ndarray) -> float:
    covariance = b.covariance
    product = root_a @ covariance @ root_a
    values = _above_rounding(np.linalg.eigvalsh((product + product.T) / 2))
    gap = a.mean - b.mean
    # trace(cov_a): only one covariance has to be in memory
    spread = float(np.square(root_a).sum()) + float(np.trace(covariance))
    return max(0.0, float(gap @ gap) + spread - 2 * float(np.sqrt(values).sum()))


def _above_rounding(values: np.ndarray) -> np.ndarray:
    """Eigenvalues; those below rounding error are set to zero."""
    smallest = len(values) * np.finfo(np.float64).eps * max(0.0, float(values[-1]))
    return np.where(values > smallest, values, 0.0)
