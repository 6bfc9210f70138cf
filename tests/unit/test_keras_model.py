"""`GAN` as Keras's users expect a model to be: words, checks of the images, `save`."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.errors import ConfigError
from ganvas.gan.losses import Hinge
from ganvas.gan.model import GAN
from ganvas.gan.networks import DCGAN
from ganvas.gan.penalties import LeCam

SHAPE = (16, 16, 1)
PAIR = DCGAN(noise=4, width=4, discriminator_width=4)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (8, *SHAPE)).astype(np.float32)


def game(loss="hinge", *parts, optimizer="adam", **options):
    keras.utils.set_random_seed(1)
    gan = GAN(PAIR.generator(SHAPE), PAIR.discriminator(SHAPE), loss, *parts, **options)
    gan.compile(optimizer, optimizer, run_eagerly=True)
    return gan


def weights(gan):
    return [variable.numpy() for variable in gan.variables]


def test_parts_and_optimizers_are_named_by_words():
    gan = game("hinge", [{"name": "lecam", "weight": 0.1}], augment="diff")
    assert isinstance(gan.adversarial, Hinge)
    assert isinstance(gan.generator_optimizer, keras.optimizers.Adam)
    assert gan.generator_optimizer is not gan.discriminator_optimizer
    gan.fit(IMAGES, batch_size=4, verbose=0)
    with pytest.raises(ConfigError, match=r"'hinges'.*hinge"):
        game("hinges")


def test_a_saved_game_goes_on_as_the_game_itself(tmp_path):
    parts = [LeCam(0.3), {"name": "r1", "weight": 0.1, "every": 2}]
    gan = game(
        "nonsaturating", parts, augment={"name": "ada", "kimg": 0.1}, ema_images=40.0, seed=3
    )
    gan.fit(IMAGES, batch_size=4, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    opened = keras.saving.load_model(tmp_path / "gan.keras")
    opened.run_eagerly = True
    said = [one.get_config() for one in (gan, opened)]
    assert len(said[0]) == 12
    networks = ("generator", "discriminator")
    assert all(said[0][key] == said[1][key] for key in said[0] if key not in networks)
    for one in (gan, opened):
        one.fit(IMAGES, batch_size=4, shuffle=False, verbose=0)
    for one, other in zip(weights(gan), weights(opened), strict=True):
        np.testing.assert_array_equal(one, other)
    states = [[v.numpy() for p in one.parts for v in p.variables] for one in (gan, opened)]
    assert len(states[0]) == 5
    np.testing.assert_array_equal(*states)


@pytest.mark.parametrize("loss", ["hinge", "relativistic"])
def test_evaluate_gives_the_losses_on_all_images_and_changes_nothing(loss):
    gan = game(loss)
    before = weights(gan.discriminator) + weights(gan.ema_generator)
    found = gan.evaluate(IMAGES, batch_size=4, verbose=0, return_dict=True)
    real = gan.logits(IMAGES, None, training=False).numpy()
    np.testing.assert_allclose(found["real"], real.mean(), rtol=1e-5)
    assert set(found) == {"discriminator", "generator", "real", "fake"}
    after = weights(gan.discriminator) + weights(gan.ema_generator)
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_a_file_may_not_name_code():
    class Own(Hinge):
        pass

    with pytest.raises(ConfigError, match=r"loss Own is your own.*save gan\.ema_generator"):
        game(Own()).get_config()


SETS = {
    "array": lambda x: x,
    "pair": lambda x: tf.data.Dataset.from_tensors((x, np.zeros(len(x)))),
    "tf.data": tf.data.Dataset.from_tensors,
}


@pytest.mark.parametrize("form", SETS)
@pytest.mark.parametrize(
    ("images", "words"),
    [
        (
            (IMAGES * 127.5 + 127.5).astype(np.uint8),
            r"floats in \[-1, 1\], got uint8: use images /",
        ),
        (IMAGES * 127.5 + 127.5, r"got values from 0.* to 25\d.*: use x / 127.5 - 1"),
        (IMAGES * 3, r"got values from -2.9.* to 2.9.*: use \(x - low\)"),
        (np.where(IMAGES > 0.5, np.nan, IMAGES), "got values from nan"),
    ],
)
def test_images_of_another_range_are_refused_before_a_step(form, images, words):
    gan = game()
    before = weights(gan)
    with pytest.raises(ValueError, match=words):
        gan.fit(SETS[form](images), verbose=0)
    assert all(np.array_equal(*pair) for pair in zip(before, weights(gan), strict=True))


def test_images_from_0_to_1_are_warned_of_and_bright_ones_are_trained_on():
    with pytest.warns(UserWarning, match=r"all values of the first batch are in \[0, 0.9"):
        game().fit(np.abs(IMAGES), verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        game().fit(IMAGES, verbose=0)
