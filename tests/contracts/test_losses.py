"""Every loss in the table keeps the contract; each formula against NumPy by hand."""

import numpy as np
import pytest
import tensorflow as tf

from ganvas.losses import LOSSES, Hinge

REAL = np.array([-2.0, -0.3, 0.0, 0.7, 3.0], np.float32)
FAKE = np.array([1.5, 0.2, -0.4, -1.0, -4.0], np.float32)


def softplus(x):
    return np.log1p(np.exp(x))


ORACLES = {
    "nonsaturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    "saturating": (lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda r, f: -f),
    "relativistic": (lambda r, f: softplus(f - r), lambda r, f: softplus(r - f)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_formula(name):
    loss = LOSSES[name]()
    discriminator, generator = ORACLES[name]
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), discriminator(REAL, FAKE), 1e-5)
    np.testing.assert_allclose(loss.generator(REAL, FAKE), generator(REAL, FAKE), 1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_one_finite_value_per_image(name):
    loss = LOSSES[name]()
    for scale in (0.0, 1.0, 1e3):
        real, fake = tf.constant(REAL * scale), tf.constant(FAKE * scale)
        for values in (loss.discriminator(real, fake), loss.generator(real, fake)):
            assert values.shape == (5,)
            assert values.dtype == tf.float32
            assert np.isfinite(values).all()


@pytest.mark.parametrize("name", LOSSES)
def test_signs(name):
    """The discriminator wants real up and fake down; the generator wants fake up."""
    loss = LOSSES[name]()
    real, fake = tf.constant([0.2, -0.2]), tf.constant([0.1, -0.1])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        discriminator, generator = loss.discriminator(real, fake), loss.generator(real, fake)
    assert (tape.gradient(discriminator, real).numpy() < 0).all()
    assert (tape.gradient(discriminator, fake).numpy() > 0).all()
    assert (tape.gradient(generator, fake).numpy() < 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_says_whether_it_reads_real_images(name):
    loss, fake = LOSSES[name](), tf.constant(FAKE)
    if loss.reads_real:
        moved = loss.generator(tf.constant(REAL) + 1, fake) - loss.generator(REAL, fake)
        assert (np.abs(moved) > 0).all()
    else:
        assert loss.generator(None, fake).shape == (5,)


def test_hinge_is_flat_beyond_its_margin():
    loss = Hinge(margin=0.5)
    np.testing.assert_array_equal(loss.discriminator(tf.constant([0.6]), tf.constant([-0.6])), [0])
    np.testing.assert_allclose(loss.discriminator(tf.constant([0.0]), tf.constant([0.0])), [1.0])
