"""Features of a frozen pretrained network, and linear classifiers on them.

features  logistic regression, the loss of each class weighted by one over its share
lda       linear discriminant: the covariance is pooled over all classes, so that a class of 20
          images uses that of the others, and is shrunk towards a multiple of the identity
          (Friedman 1989, JASA 84, p. 165)

Both see the leading principal components of the training images. The network is the bundled
EfficientNet-Lite0, made of standard Keras layers, so that the saved model needs no ganvas.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import scipy
import tensorflow as tf
from keras import layers

from ...base.building import building
from ...base.progress import stage
from ...features.bundled import inner_maps
from ..defects.frozen import resizing

COMPONENTS = 128
CHUNK = 64
ITERATIONS = 60


def side_of(shape: tuple[int, ...]) -> int:
    """Pixels of a side as the network sees images of this shape. With 64, the area under the curve
    of normal X-rays of 28 pixels was lower by 0.01 than with 96."""
    return 96 if max(shape[:2]) <= 64 else 128


def network(shape: tuple[int, int, int]) -> keras.Model:
    """Images 0..255 [B, H, W, C] -> features [B, 1280]. Alpha is laid over white."""
    side = side_of(shape)
    trunk = inner_maps((side, side))
    pooled = keras.Model(trunk.inputs, trunk.outputs[-1], name="lite0")
    with building():
        image = keras.Input(shape, name="image")
        x = image
        if shape[2] in (2, 4):
            alpha = x[..., -1:] / 255.0
            x = x[..., :-1] * alpha + 255.0 * (1.0 - alpha)
        fixed = []
        # By matrix products: LiteRT has no antialiased resizing.
        for axes, old in (((3, 2, 1), shape[0]), ((1, 3, 2), shape[1])):
            dense = layers.Dense(side, use_bias=False)
            back = (3, 2, 1) if axes[0] == 3 else (1, 3, 2)
            x = layers.Permute(back)(dense(layers.Permute(axes)(x)))
            fixed.append((dense, resizing(old, side).T))
        x = layers.ReLU(255.0)(x)
        if x.shape[3] == 1:
            x = layers.Concatenate()([x, x, x])
        model = keras.Model(image, pooled(x), name="features")
    for dense, kernel in fixed:
        dense.set_weights([kernel])
    model.trainable = False
    return model


class Features:
    """Computes features of images of one shape, always so many at a time."""

    def __init__(self, shape: tuple[int, int, int]):
        self.model = network(shape)
        self._run = tf.function(lambda x: self.model(x, training=False), autograph=False)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, C] -> float32 [N, 1280]."""
        found = np.empty((len(images), self.model.output_shape[1]), np.float32)
        with stage("computing features", len(images), "images") as computing:
            for start in range(0, len(images), CHUNK):
                piece = images[start : start + CHUNK]
                padded = np.resize(piece, (CHUNK, *piece.shape[1:])).astype(np.float32)
                found[start : start + CHUNK] = self._run(padded).numpy()[: len(piece)]
                computing.advance(len(piece))
        return found


class Basis(NamedTuple):
    """The leading components of training features: `(x - centre) @ axes`, of unit mean scale."""

    centre: np.ndarray
    axes: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return (np.asarray(features, np.float64) - self.centre) @ self.axes


class Head(NamedTuple):
    """A linear classifier: logits are `features @ weight + bias`, [D, C] and [C]."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, C]."""
        return scipy.special.softmax(self.logits(features), axis=1).astype(np.float32)

    def logits(self, features: np.ndarray) -> np.ndarray:
        """[N, D] -> [N, C]."""
        return np.asarray(features, np.float64) @ self.weight + self.bias

    def margins(self, features: np.ndarray) -> np.ndarray:
        """The logit of each class above that of the next best other class, [N, C]."""
        logits = self.logits(features)
        best, second = np.sort(logits, axis=1)[:, [-1, -2]].T[:, :, None]
        return logits - np.where(logits == best, second, best)


def basis(features: np.ndarray) -> Basis:
    """Of training features [N, D]."""
    x = np.asarray(features, np.float64)
    centre = x.mean(axis=0)
    x = x - centre
    scale = max(float(x.std(axis=0).mean()), 1e-9)
    count = min(COMPONENTS, len(x) - 1, x.shape[1])
    if len(x) < x.shape[1]:
        values, vectors = np.linalg.eigh(x @ x.T)
        axes = x.T @ vectors[:, -count:] / np.sqrt(np.maximum(values[-count:], 1e-9))
    else:
        axes = np.linalg.eigh(x.T @ x)[1][:, -count:]
    return Basis(centre, axes / scale)


def fitted(
    kind: str, strength: float, features: np.ndarray, labels: np.ndarray, weights: np.ndarray,
    seen: Basis,
) -> Head:  # fmt: skip
    """A classifier.

    Args:
        kind: "features" or "lda".
        strength: of the penalty, or of the shrinkage.
        features, labels, weights: of the training images, [N, D], [N] and [N].
        seen: components of the real training images.
    """
    x = seen(features)
    weight, bias = (_logistic if kind == "features" else _discriminant)(
        x, labels, weights, strength
    )
    whole = seen.axes @ weight
    return Head(whole, bias - seen.centre @ whole)


def balancing(labels: np.ndarray) -> np.ndarray:
    """Weights that make each class equally likely, float [N]."""
    return 1 / np.bincount(labels)[labels]


def _discriminant(
    x: np.ndarray, labels: np.ndarray, weights: np.ndarray, shrinkage: float
) -> tuple[np.ndarray, np.ndarray]:
    """Class means by their weights; each image counts once in the covariance, whatever its class,
    so that it is mostly that of the majority."""
    classes = labels.max() + 1
    means = np.stack(
        [np.average(x[labels == c], axis=0, weights=weights[labels == c]) for c in range(classes)]
    )
    apart = x - means[labels]
    pooled = apart.T @ apart / max(1, len(x) - classes)
    spread = np.trace(pooled) / len(pooled)
    mixed = (1 - shrinkage) * pooled + shrinkage * max(spread, 1e-9) * np.eye(len(pooled))
    weight = scipy.linalg.solve(mixed, means.T, assume_a="pos")
    return weight, -0.5 * np.einsum("cd,dc->c", means, weight)


def _logistic(
    x: np.ndarray, labels: np.ndarray, weights: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    count, width = x.shape
    classes = labels.max() + 1
    wanted = np.eye(classes)[labels]
    share = weights / weights.sum()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = _unpacked(flat, width)
        logs = scipy.special.log_softmax(x @ weight + bias, axis=1)
        apart = (np.exp(logs) - wanted) * share[:, None]
        value = -share @ logs[np.arange(count), labels] + penalty / 2 * np.square(weight).sum()
        slope = np.concatenate([x.T @ apart + penalty * weight, apart.sum(axis=0)[None]])
        return float(value), slope.ravel()

    options: dict[str, Any] = {"maxiter": ITERATIONS}
    start = np.zeros((width + 1) * classes)
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return _unpacked(found.x, width)


def _unpacked(flat: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    both = flat.reshape(width + 1, -1)
    return both[:-1], both[-1]
