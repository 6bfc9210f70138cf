"""A small MNIST classifier, trained here, and the Fréchet distance in its features."""

from __future__ import annotations

import hashlib
from pathlib import Path

import keras
import numpy as np

import ganvas.data

FEATURES = 64
CACHE = Path(__file__).parent / "results" / ".digits.keras"


class DigitScores:
    """A digit classifier and what it says of images: their digits, and their Fréchet distance.

    The classifier is trained on MNIST once and kept in results/. The distance is that of its
    features, to those of the 10,000 test images.

    Attributes: accuracy (of the classifier on the test images), floor (the distance of 10,000
    real training images).
    """

    def __init__(self) -> None:
        self.train = _arrays("mnist")
        self.test = _arrays("mnist:test")
        self.classifier = self._classifier()
        self.features = keras.Model(
            self.classifier.input, self.classifier.get_layer("features").output
        )
        self.accuracy = float((self.digits(self.test[0]) == self.test[1]).mean())
        self.reference = self.moments(self.test[0])
        self.floor = self.score(self.train[0][:10_000])

    def score(self, images: np.ndarray) -> float:
        """Fréchet distance of float images [N, 28, 28, 1] in [-1, 1] to the test images."""
        return frechet(self.moments(images), self.reference)

    def digits(self, images: np.ndarray) -> np.ndarray:
        """What the classifier takes them for, int [N]."""
        return self.classifier.predict(images, 500, verbose=0).argmax(1)

    def moments(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = self.features.predict(images, 500, verbose=0).astype(np.float64)
        return features.mean(axis=0), np.cov(features, rowvar=False)

    def _classifier(self) -> keras.Model:
        if CACHE.exists():
            return keras.models.load_model(CACHE)
        keras.utils.set_random_seed(0)
        image = x = keras.Input((28, 28, 1))
        for width in (32, 64):
            x = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(x)
            x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Flatten()(x)
        x = keras.layers.Dense(FEATURES, activation="relu", name="features")(x)
        x = keras.layers.Dense(10)(keras.layers.Dropout(0.3)(x))
        model = keras.Model(image, x)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(*self.train, batch_size=128, epochs=4, verbose=2)
        CACHE.parent.mkdir(exist_ok=True)
        model.save(CACHE)
        return model

    def sha256(self) -> str:
        """Of the classifier's weights."""
        weights = b"".join(w.tobytes() for w in self.classifier.get_weights())
        return hashlib.sha256(weights).hexdigest()


def frechet(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> float:
    """Fréchet distance of two Gaussians (mean, covariance). Heusel et al. 2017, eq. 6."""
    (mean_a, cov_a), (mean_b, cov_b) = a, b
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0, None)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b) - 2 * cross)


def _arrays(word: str) -> tuple[np.ndarray, np.ndarray]:
    source = ganvas.data.load(word, ganvas.data.Options(holdout=0))
    batches = list(source.all(1000).as_numpy_iterator())
    return np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])
