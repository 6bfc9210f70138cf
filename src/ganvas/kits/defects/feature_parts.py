"""The parts of a score that need no training: densities of a frozen network's features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from .density import Gaussian
from .frozen import Evidence, Frozen
from .parts import TOP, highest
from .places import Bank, PlaceGaussian, PlaceMoments

AXES = 80
"""Principal axes of a place's 232 numbers. On magnetic tiles 48 find 3 % fewer defects."""
BANK_AXES = 48
"""Of those, the first ones, in which the bank measures."""
FIRST = 250
"""Images whose places determine the principal axes."""
KEPT = 10_000
"""Places that "patch" and "bank" are fitted on, and images that "pooled" is fitted on, at most."""

Arrays = Mapping[str, Mapping[str, np.ndarray]]


class Measured(NamedTuple):
    """Distances of N images: [N] by part, maps [N, h, w] by part, and the vectors of all places
    that "position" measures, [h w, N, D]."""

    parts: dict[str, tf.Tensor]
    maps: dict[str, tf.Tensor]
    white: tf.Tensor


class FeatureParts(tf.Module):
    """Args: the network, and the arrays of `fit`."""

    def __init__(self, frozen: Frozen, arrays: Arrays):
        super().__init__()
        self.frozen = frozen
        self.axes = tf.Variable(arrays["axes"]["axes"], trainable=False, name="axes")
        self.centre = tf.Variable(arrays["axes"]["centre"], trainable=False, name="centre")
        self.position = PlaceGaussian(arrays["position"])
        self.patch, self.pooled = Gaussian(arrays["patch"]), Gaussian(arrays["pooled"])
        self.bank = Bank(arrays["bank"])

    def __call__(self, image: tf.Tensor) -> Measured:
        """uint8 [N, H, W, C] -> distances."""
        places, pooled = self.frozen(image)
        rows, columns = self.frozen.grid
        count = rows * columns
        flat = tf.matmul(tf.reshape(places, (-1, places.shape[3])) - self.centre, self.axes)
        z = tf.reshape(flat, (-1, count, flat.shape[1]))
        white = self.position.white(z)
        maps = {
            "position": self.position.distance(white),
            "patch": tf.reshape(self.patch(flat), (-1, count)),
            "bank": self.bank(z[..., :BANK_AXES]),
        }
        found = {
            "position": tf.reduce_max(maps["position"], 1),
            "position_mean": tf.reduce_mean(maps["position"], 1),
            "patch": highest(maps["patch"], TOP),
            "bank": highest(maps["bank"], TOP),
            "pooled": self.pooled(pooled),
        }
        maps = {n: tf.reshape(one, (-1, rows, columns)) for n, one in maps.items()}
        return Measured(found, maps, white)


def fit(frozen: Frozen, images: np.ndarray, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of `FeatureParts`, from good images, uint8 [N, H, W, C].

    The images pass the network twice at most, a chunk at a time; what is kept does not grow.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    order = rng.permutation(len(images))
    count = int(np.prod(frozen.grid))
    mean, axes, near = _axes(frozen, images[order[:FIRST]], count)
    moments = PlaceMoments(near)
    each = max(1, -(-KEPT // len(images)))
    places: list[np.ndarray] = []
    pooled: list[np.ndarray] = []
    for chunk in _seen(frozen, images[order]):
        z = (chunk.places.numpy().reshape(-1, len(mean)) - mean) @ axes
        z = z.reshape(-1, count, axes.shape[1])
        moments.add(z)
        if sum(len(one) for one in pooled) < KEPT:
            pooled.append(chunk.pooled.numpy())
            drawn = rng.random(z.shape[:2]).argsort(1)[:, :each, None]
            places.append(np.take_along_axis(z, drawn, 1).reshape(-1, axes.shape[1]))
    some = np.concatenate(places)[:KEPT]
    return {
        "axes": {"axes": axes, "centre": mean},
        "position": moments.fit(),
        "patch": Gaussian.fit(some, axes=AXES),
        "bank": Bank.fit(some[:, :BANK_AXES]),
        "pooled": Gaussian.fit(np.concatenate(pooled)),
    }


def _axes(
    frozen: Frozen, images: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean [D] and principal axes [D, AXES] of places, and each place's mean along them."""
    first: Any = 0.0
    second: Any = 0.0
    for chunk in _seen(frozen, images):
        x = chunk.places.numpy().astype(np.float64)
        x = x.reshape(len(x), count, -1)
        first = first + x.sum(0)
        flat = x.reshape(-1, x.shape[2])
        second = second + flat.T @ flat
    by_place = first / len(images)
    mean = by_place.mean(0)
    _, vectors = np.linalg.eigh(second / (len(images) * count) - np.outer(mean, mean))
    axes = vectors[:, ::-1][:, :AXES].astype(np.float32)
    return mean.astype(np.float32), axes, (by_place - mean) @ axes


def _seen(frozen: Frozen, images: np.ndarray) -> Iterator[Evidence]:
    run = tf.function(frozen, autograph=False, reduce_retracing=True)
    for start in range(0, len(images), frozen.batch):
        yield run(tf.constant(images[start : start + frozen.batch]))
