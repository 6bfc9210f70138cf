"""Generators for LiteRT are computed by other operations: the images are the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from ganvas.exporting.lowering import lowered
from ganvas.gan.layers import ConditionalNorm, Conv2DTranspose, Upsample
from ganvas.gan.layers.norms import KINDS

SHAPE, COUNT = (5, 6, 4), 3
LAYERS = {
    "nearest": lambda: layers.UpSampling2D(),
    "nearest by 3": lambda: layers.UpSampling2D(3),
    "nearest by 1": lambda: layers.UpSampling2D(1),
    "nearest, two sizes": lambda: layers.UpSampling2D((2, 3)),
    "bilinear": lambda: layers.UpSampling2D(interpolation="bilinear"),
    "transposed": lambda: Conv2DTranspose(3, 4, 2, padding="same", activation="tanh"),
    "transposed, 3x3": lambda: layers.Conv2DTranspose(3, 3, 2, padding="same"),
    "transposed, 5x5": lambda: layers.Conv2DTranspose(3, 5, 2, padding="same", use_bias=False),
    "transposed, 5x5, valid": lambda: layers.Conv2DTranspose(3, 5, 2),
    "transposed, 2x2": lambda: layers.Conv2DTranspose(3, 2, 2),
    "transposed, 1x1": lambda: layers.Conv2DTranspose(3, 1, 2, padding="same"),
    "transposed, stride 3": lambda: layers.Conv2DTranspose(3, 4, 3),
    "FIR": lambda: Upsample((1, 2, 1)),
    "FIR of four taps": lambda: Upsample((1, 3, 3, 1)),
    "a layer of itself": lambda: layers.Conv2D(2, 3),
}


def compared(model, *inputs):
    expected = model(*inputs, training=False).numpy()
    found = tf.function(lowered(model), autograph=False)(*inputs).numpy()
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def moved(model):
    """Weights are not what they begin with, which may be zeros or ones."""
    for weight in model.weights:
        weight.assign(weight + np.abs(0.2 * np.random.default_rng(0).standard_normal(weight.shape)))
    return model


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_the_same(name):
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE, name="noise")
    model = moved(keras.Model({"noise": image}, LAYERS[name]()(image)))
    noise = np.random.default_rng(1).standard_normal((COUNT, *SHAPE)).astype(np.float32)
    compared(model, {"noise": tf.constant(noise)})


@pytest.mark.parametrize("classes", [3, 300])
@pytest.mark.parametrize("kind", KINDS)
def test_a_label_gives_the_same(kind, classes):
    keras.utils.set_random_seed(0)
    image, label = keras.Input(SHAPE, name="noise"), keras.Input((), dtype="int32", name="label")
    x = layers.Concatenate()([layers.Flatten()(image), layers.Embedding(classes, 8)(label)])
    x = layers.Reshape((2, 2, 32))(layers.RepeatVector(1)(x[:, :128]))
    x = ConditionalNorm(classes, kind)([x, label])
    model = moved(keras.Model({"noise": image, "label": label}, x))
    noise = np.random.default_rng(1).standard_normal((COUNT, *SHAPE)).astype(np.float32)
    labels = tf.constant([0, 2, classes - 1], tf.int32)
    compared(model, {"noise": tf.constant(noise), "label": labels})


def test_repeated_vectors_are_the_same():
    vector = keras.Input((4,), name="noise")
    model = keras.Model({"noise": vector}, layers.RepeatVector(7)(vector))
    compared(model, {"noise": tf.reshape(tf.range(8.0), (2, 4))})


def test_another_kind_of_model_is_computed_as_it_is():
    class Own(keras.Model):
        def call(self, inputs, training=True):
            return inputs["noise"] * (2.0 if training else 3.0)

    compared(Own(), {"noise": tf.ones((2, 3))})
