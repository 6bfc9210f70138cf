"""Cross-conformal calibration, for 30 to 60 good images: each calibrates a detector without it.

The score is the part "position" alone: with so few images nothing is chosen. Some images (the
base) fix the principal axes and the shrinkage, and are learnt from. Of the n others, image i
calibrates the Gaussians of all images but i, and a new image is scored by each of these n
detectors: p = (1 + #{i: score of i without i >= score of the new image without i}) / (n + 1).
P(p <= alpha) <= 2 alpha, whatever the scores are; no factor below 2 is possible for all scores.

Leaving one image out changes a covariance by one outer product, so all n detectors follow from one
inverse (Sherman & Morrison 1950): nothing is fitted n times.

Source: Barber, Candes, Ramdas & Tibshirani 2021, "Predictive inference with the jackknife+", Annals
    of Statistics 49, theorem 1; Vovk 2015, "Cross-conformal predictors".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from ...errors import DataError, UsageError
from .density import TINY
from .feature_parts import AXES
from .frozen import Frozen
from .good_images import Split, needed
from .patches import Grid
from .places import FLOOR, PlaceMoments
from .ranks import flagged
from .scorer import Tensors, spread_of

BASE = 8
"""Least number of images that fix axes and shrinkage."""
MOST = 200
"""Images from which calibration by a split is better: its factor is 1, and its model smaller."""


def cross_split(count: int, alpha: float, seed: int) -> Split:
    """A third is the base, to learn from; no image scales.

    Raises: DataError: too few images; UsageError: so many that a split is better.
    """
    least, calibrate = needed(alpha), max(needed(alpha), count - count // 3)
    if count - calibrate < BASE:
        enough = max(least + BASE, 3 * BASE)
        raise DataError(
            f"alpha = {alpha:g} needs at least {enough} good images for cross-conformal "
            f"calibration, got {count}: give more, or increase alpha"
        )
    if count > MOST:
        raise UsageError(
            f"cross-conformal calibration takes at most {MOST} good images, got {count}: with so "
            "many, leave --cross away; the guarantee is then alpha instead of twice alpha"
        )
    order = np.random.Generator(np.random.Philox(seed)).permutation(count)
    none = np.zeros(0, np.int64)
    return Split(np.sort(order[calibrate:]), none, np.sort(order[:calibrate]))


class LeaveOneOut(tf.Module):
    """Squared Mahalanobis distances of places by the Gaussians of all images but one, for each one.

    Args:
        base: vectors of places of the base, [B, P, D].
        held: of the images that are left out in turn, [n, P, D].
    """

    def __init__(self, base: np.ndarray, held: np.ndarray):
        super().__init__()
        total, width = len(base) + len(held), base.shape[2]
        share, added = _shrinkage(base, total)
        every = np.concatenate([base, held]).astype(np.float64)
        mean = every.mean(0)
        apart = (every - mean).transpose(1, 2, 0)
        scatter = apart @ apart.transpose(0, 2, 1)
        covariance = (1 - share) * scatter / (total - 1)
        covariance[:, range(width), range(width)] += added[:, None]
        whiten = np.linalg.inv(np.linalg.cholesky(covariance)).transpose(0, 2, 1)
        white = whiten.transpose(0, 2, 1) @ apart[:, :, len(base) :]
        squares = np.square(white).sum(1)
        self._less, self._one = total - 1, (1 - share) * total / (total - 1) ** 2
        self.mean, self.whiten, self.held, self.squares = (
            tf.Variable(array.astype(np.float32), trainable=False, name=name)
            for name, array in (
                ("mean", mean), ("whiten", whiten), ("held", white), ("squares", squares)
            )
        )  # fmt: skip

    def __call__(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[N, P, D] -> white vectors [P, N, D], and distances without each image [P, N, n]."""
        white = tf.matmul(tf.transpose(z - self.mean, (1, 0, 2)), self.whiten)
        own = tf.reduce_sum(tf.square(white), -1)[..., None]
        squares, both = self.squares[:, None], tf.matmul(white, self.held)
        # The mean without image i is nearer to i's opposite by held / less.
        moved = own + 2 * both / self._less + squares / self._less**2
        along = both + squares / self._less
        distance = moved + self._one * tf.square(along) / (1 - self._one * squares)
        return white, distance / z.shape[2] + TINY


class CrossScorer(tf.Module):
    """Scores images by n detectors at once; for the exports it is what `scorer.Scorer` is.

    Args:
        whole: images show one shape: the mean over places is the score, instead of the highest.
    """

    gan = roi = None

    def __init__(self, grid: Grid, frozen: Frozen, images: np.ndarray, parts: Split,
                 alpha: float, whole: bool):  # fmt: skip
        super().__init__()
        self.grid, self.frozen, self._whole = grid, frozen, whole
        self.names = self.chosen = ("position_mean" if whole else "position",)
        places = np.concatenate(list(_seen(frozen, images)))
        base = places[parts.learn].reshape(-1, places.shape[2]).astype(np.float64)
        mean = base.mean(0)
        _, vectors = np.linalg.eigh(np.cov(base.T, bias=True))
        axes = vectors[:, ::-1][:, :AXES]
        z = ((places - mean) @ axes).astype(np.float32)
        self.left_out = LeaveOneOut(z[parts.learn], z[parts.calibrate])
        self.middle, self.axes = _fixed(mean), _fixed(axes)
        self.alpha = _fixed(np.array(alpha))
        scores, logs, maps = self._calibrated(z[parts.calibrate])
        self.known = _fixed(scores)
        self.centre = _fixed(logs.mean(0, keepdims=True))
        self.spread = _fixed(np.maximum(logs.std(0, keepdims=True), 1e-3))
        usual = maps.mean(0)
        self.usual = _fixed(usual)
        self.varying = _fixed(spread_of(np.square(maps).mean(0), usual))

    @property
    def calibration(self) -> np.ndarray:
        """Scores of calibration images, each by the detector without it, as `score` gives them."""
        scaled: np.ndarray = (np.log(self.known.numpy()) - self.centre) / self.spread
        return np.sort(scaled)

    def batch(self, names: Sequence[str] | None = None) -> int:
        return self.frozen.batch

    def __call__(self, image: tf.Tensor) -> Tensors:
        """uint8 [N, H, W, C] -> score, p_value float32 [N], defective bool [N], heatmap."""
        found = self.places(image)
        return {name: one for name, one in found.items() if name != "places"}

    def places(self, image: tf.Tensor) -> Tensors:
        """The same, and places float32 [N, h w, D]."""
        white, distance = self._measured(image)
        own = tf.transpose(tf.sqrt(tf.reduce_mean(tf.square(white), -1) + TINY))
        heat = tf.reshape((own - self.usual) / self.varying, (-1, *self.frozen.grid, 1))
        heat = tf.image.resize(heat, self.grid.size, "bilinear")[..., 0]
        return {**self._judge(distance), "heatmap": heat, "places": tf.transpose(white, (1, 0, 2))}

    def verdict(self, image: tf.Tensor) -> Tensors:
        """uint8 [N, H, W, C] -> score, p_value, defective."""
        return self._judge(self._measured(image)[1])

    def measure(self, image: tf.Tensor) -> tf.Tensor:
        """uint8 [N, H, W, C] -> the logarithm of the one part, [N, 1]."""
        return self._log(self._by_detector(self._measured(image)[1]))[:, None]

    def _measured(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        places, _ = self.frozen(image)
        flat = tf.matmul(tf.reshape(places, (-1, places.shape[3])) - self.middle, self.axes)
        rows, columns = self.frozen.grid
        white, distance = self.left_out(tf.reshape(flat, (-1, rows * columns, flat.shape[1])))
        return white, distance

    def _by_detector(self, distance: tf.Tensor) -> tf.Tensor:
        """[P, N, n] -> the score of each of the n detectors, [N, n]."""
        return tf.reduce_mean(distance, 0) if self._whole else tf.reduce_max(distance, 0)

    def _log(self, scores: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.math.log(scores), -1)

    def _judge(self, distance: tf.Tensor) -> Tensors:
        scores = self._by_detector(distance)
        above = tf.reduce_sum(tf.cast(self.known >= scores, tf.float32), 1)
        p_value = (1 + above) / (1 + self.known.shape[0])
        score = (self._log(scores) - self.centre) / self.spread
        return {"score": score, "p_value": p_value, "defective": flagged(p_value, self.alpha)}

    def _calibrated(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each image by the detector without it: score, its logarithm, square roots of its map,
        [n], [n], [n, P]."""
        scores, maps = [], []
        for i in range(len(z)):
            _, distance = self.left_out(tf.constant(z[i : i + 1]))
            scores.append(self._by_detector(distance)[0, i].numpy())
            maps.append(tf.sqrt(distance[:, 0, i]).numpy())
        found = np.array(scores)
        return found, np.log(found), np.stack(maps)


def _shrinkage(base: np.ndarray, total: int) -> tuple[float, np.ndarray]:
    """The share of shrinkage for `total` images, and what is added to each place's diagonal, [P].

    Both from the base alone: what an image changes when it is left out must not depend on it. The
    error of a covariance falls as 1 / total, and the share with it.
    """
    moments = PlaceMoments(base.mean(0))
    moments.add(base)
    share = max(moments.share(), 1e-3)
    share = 1 / (1 + (1 / share - 1) * total / len(base))
    variance = np.trace(moments.covariances(), axis1=1, axis2=2) / base.shape[2]
    variance *= len(base) / (len(base) - 1)
    return share, share * variance + FLOOR * variance.mean() + 1e-12


def _seen(frozen: Frozen, images: np.ndarray) -> Iterator[np.ndarray]:
    """Vectors of places, [N, P, 232] a chunk."""
    run = tf.function(frozen, autograph=False, reduce_retracing=True)
    for start in range(0, len(images), frozen.batch):
        places = run(tf.constant(images[start : start + frozen.batch])).places.numpy()
        yield places.reshape(len(places), -1, places.shape[3])


def _fixed(array: np.ndarray) -> tf.Variable:
    return tf.Variable(np.asarray(array, np.float32), trainable=False)
