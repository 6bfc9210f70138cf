"""The classifier for the comparison of arms: a small CNN, or one of the user's.

A classifier is a function

    fit(images, labels, *, classes, seed, weights, batch) -> predict

    images   uint8 [D, H, W, C], in the order of training, each draw once
    labels   int64 [D], 0 .. classes - 1
    weights  float32 [D], of the loss of each draw
    batch    draws per optimiser step
    predict  uint8 [N, H, W, C] -> probabilities float [N, classes]

Arms differ in the images, not in their number: D and batch are the same for all.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ...base.building import building
from ...errors import DataError, UsageError
from ...images import to_float

Predict = Callable[[np.ndarray], np.ndarray]
Fit = Callable[..., Predict]
RATE = 2e-3
WIDTHS = (24, 48, 64)
_CHUNK = 500


def find(classifier: str | Fit | None) -> Fit:
    """The built-in classifier for None, a function as it is, or "my_package.module:fit".

    Raises: UsageError: no such module or function.
    """
    if classifier is None:
        return fit
    if callable(classifier):
        return classifier
    module, colon, name = classifier.partition(":")
    try:
        found = getattr(importlib.import_module(module), name) if colon else None
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"classifier '{classifier}' cannot be imported ({error}): give module:function, and "
            "check that Python finds the module"
        ) from error
    if not callable(found):
        raise UsageError(
            f"classifier must be module:function, such as my_package.cnn:fit, got '{classifier}'"
        )
    return found


def checked(predict: Predict, images: np.ndarray, classes: int) -> np.ndarray:
    """The probabilities of a classifier for images, float32 [N, classes].

    Raises: DataError: another shape, or rows that are no probabilities.
    """
    found = np.asarray(predict(images), np.float32)
    if found.shape != (len(images), classes):
        raise DataError(
            f"the classifier must return probabilities [{len(images)}, {classes}], got "
            f"{list(found.shape)}: one row per image, one column per class"
        )
    if not (found >= 0).all() or not np.allclose(found.sum(axis=1), 1, atol=1e-2):
        raise DataError(
            "the classifier must return probabilities, got rows that are negative or do not sum "
            "to one: end it with a softmax"
        )
    return found


def fit(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    classes: int,
    seed: int,
    weights: np.ndarray,
    batch: int,
) -> Predict:
    """Three or more convolutions, each step halving, and a dense layer; Adam, cosine to zero."""
    trainer = _trainer(images.shape[1:], classes, batch)
    trainer.start(seed, len(images) // batch)
    with tf.device("CPU:0"):
        trainer.train(tf.constant(images), tf.constant(labels), tf.constant(weights))
    kept = [variable.numpy() for variable in trainer.model.variables]

    def predict(others: np.ndarray) -> np.ndarray:
        trainer.model.set_weights(kept)
        rows = range(0, len(others), _CHUNK)
        return np.concatenate([trainer.predict(others[i : i + _CHUNK]) for i in rows])

    return predict


def network_of(shape: tuple[int, ...], classes: int, batch: int) -> keras.Model:
    """The network of the built-in classifier: images in [-1, 1] -> logits, with the weights of the
    fit that predicted last."""
    return _trainer(shape, classes, batch).model


class _Trainer:
    """A model whose training step is traced once, and which is reset for each fit."""

    def __init__(self, shape: tuple[int, ...], classes: int, batch: int):
        with building():
            self.model, self.batch = _network(shape, classes), batch
        self.optimizer = keras.optimizers.Adam(RATE)
        self.optimizer.build(self.model.trainable_variables)
        self.total = tf.Variable(1.0, trainable=False)
        self._infer = tf.function(
            lambda x: tf.nn.softmax(self.model(to_float(x), training=False)),
            input_signature=[tf.TensorSpec((None, *shape), tf.uint8)], autograph=False,
        )  # fmt: skip
        self.train = tf.function(
            self._train,
            input_signature=[
                tf.TensorSpec((None, *shape), tf.uint8),
                tf.TensorSpec((None,), tf.int64),
                tf.TensorSpec((None,), tf.float32),
            ],
        )

    def start(self, seed: int, steps: int) -> None:
        """New weights (He et al. 2015, arXiv:1502.01852), a new optimizer, this number of steps."""
        rng = np.random.Generator(np.random.Philox([seed, 5]))
        for weight in self.model.trainable_variables:
            scale = np.sqrt(2 / np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.0
            weight.assign(scale * rng.standard_normal(weight.shape))
        for variable in self.optimizer.variables:
            if variable is not self.optimizer._learning_rate:
                variable.assign(tf.zeros_like(variable))
        self.total.assign(float(max(1, steps)))

    def predict(self, images: np.ndarray) -> np.ndarray:
        return self._infer(tf.constant(images)).numpy()

    def _train(self, images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> None:
        steps = tf.shape(labels)[0] // self.batch
        for step in tf.range(steps):
            rows = slice(step * self.batch, (step + 1) * self.batch)
            share = tf.cast(step, tf.float32) / self.total
            self.optimizer.learning_rate.assign(RATE * 0.5 * (1 + tf.cos(np.pi * share)))
            with tf.GradientTape() as tape:
                logits = self.model(to_float(images[rows]), training=True)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels[rows], logits)
                total = tf.reduce_mean(loss * weights[rows])
            gradients = tape.gradient(total, self.model.trainable_variables)
            self.optimizer.apply(gradients, self.model.trainable_variables)


@functools.lru_cache(maxsize=2)
def _trainer(shape: tuple[int, ...], classes: int, batch: int) -> _Trainer:
    return _Trainer(shape, classes, batch)


def _network(shape: tuple[int, ...], classes: int) -> Any:
    image = keras.Input(shape)
    x, level = image, 0
    while min(x.shape[1:3]) > 7 and level < 6:
        width = WIDTHS[min(level, len(WIDTHS) - 1)]
        x = layers.Conv2D(width, 3, 2, padding="same", activation="relu")(x)
        level += 1
    x = layers.Conv2D(WIDTHS[-1], 3, padding="same", activation="relu")(x)
    x = layers.Dense(64, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(classes)(x))
