"""Every penalty in the table keeps the contract; oracles are discriminators solved by hand."""

import numpy as np
import pytest
import tensorflow as tf

from ganvas.penalties import PENALTIES, R1, R2, Critique

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(5, 4, 6, 2)).astype(np.float32)
FAKE = RNG.normal(size=(5, 4, 6, 2)).astype(np.float32)
WEIGHTS = RNG.normal(size=(4, 6, 2)).astype(np.float32)


def linear(images):
    return tf.reduce_sum(images * WEIGHTS, axis=[1, 2, 3])[:, None]


def quadratic(images):
    return 0.5 * tf.reduce_sum(tf.square(images), axis=[1, 2, 3])[:, None]


def both(discriminator):
    return Critique(discriminator, tf.constant(REAL)), Critique(discriminator, tf.constant(FAKE))


@pytest.mark.parametrize("name", PENALTIES)
def test_one_non_negative_value_per_image(name):
    values = PENALTIES[name](weight=1.0).per_image(*both(quadratic))
    assert values.shape == (5,)
    assert values.dtype == tf.float32
    assert (values.numpy() >= 0).all()


@pytest.mark.parametrize("name", PENALTIES)
def test_refuses_impossible_arguments(name):
    with pytest.raises(ValueError, match="weight"):
        PENALTIES[name](weight=-1.0)
    with pytest.raises(ValueError, match="every"):
        PENALTIES[name](weight=1.0, every=0)


@pytest.mark.parametrize(("penalty", "images"), [(R1, REAL), (R2, FAKE)])
def test_half_squared_norm(penalty, images):
    np.testing.assert_allclose(
        penalty(1.0).per_image(*both(linear)), np.full(5, 0.5 * (WEIGHTS**2).sum()), 1e-5
    )
    np.testing.assert_allclose(
        penalty(1.0).per_image(*both(quadratic)), 0.5 * (images**2).sum(axis=(1, 2, 3)), 1e-5
    )


@pytest.mark.parametrize("name", PENALTIES)
def test_teaches_the_discriminator(name):
    """The gradient of the penalty reaches the weights: for w.x it is w itself."""
    weights = tf.Variable(WEIGHTS)

    def discriminator(images):
        return tf.reduce_sum(images * weights, axis=[1, 2, 3])[:, None]

    with tf.GradientTape() as tape:
        value = tf.reduce_mean(PENALTIES[name](1.0).per_image(*both(discriminator)))
    np.testing.assert_allclose(tape.gradient(value, weights), WEIGHTS, 1e-5)


def test_critique_gives_logits_and_gradient():
    critique = Critique(linear, tf.constant(REAL))
    np.testing.assert_allclose(critique.logits, (REAL * WEIGHTS).sum(axis=(1, 2, 3)), 1e-4)
    np.testing.assert_allclose(critique.gradient(), np.broadcast_to(WEIGHTS, REAL.shape), 1e-6)
