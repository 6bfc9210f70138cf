"""A conditional generator draws what it is asked for, after a minute or two of training."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ganvas
from ganvas.data import Options, load
from ganvas.images import to_float

pytestmark = pytest.mark.proof

WAYS = {  # of telling the networks the label
    "embedding and projection": {"recipe": "quick"},
    "norms and projection": {"recipe": "conditional"},
    "norms and auxiliary classifier": {"recipe": "conditional", "networks.head": "auxiliary"},
    "r3gan": {"recipe": "r3gan"},
    "resnet": {"recipe": "sngan"},
}


@pytest.fixture(scope="module")
def classify():
    """A small classifier of MNIST, at least 97 % right."""
    keras.utils.set_random_seed(0)
    image = x = keras.Input((28, 28, 1))
    for width in (16, 32):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Dense(10)(x))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    source = load("mnist", Options())
    stream = source.stream(128, 0)
    model.fit(stream, epochs=1, steps_per_epoch=900, shuffle=False, verbose=0)

    def digits(images: np.ndarray) -> np.ndarray:
        return model.predict(images, 500, verbose=0).argmax(1)

    held = source.held_out().all(500)
    right = [np.mean(digits(x.numpy()) == y.numpy()) for x, y in held]
    assert np.mean(right) > 0.97
    return digits


@pytest.mark.parametrize("way", WAYS)
def test_the_class_asked_for(way, classify, tmp_path):
    values = {"train.kimg": 100, "train.burn_in_kimg": 30, "watch.tensorboard": False}
    values |= {key: value for key, value in WAYS[way].items() if key != "recipe"}
    run = ganvas.train(
        "mnist", WAYS[way]["recipe"], run=tmp_path / "run", overrides=values, progress=False
    )
    asked = np.repeat(np.arange(10), 100)
    drawn = ganvas.load(run).sample(1000, asked)
    assert np.mean(classify(to_float(drawn)) == asked) >= 0.95
