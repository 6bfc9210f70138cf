"""What every loss keeps to; a new one is tested because it stands in the table."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.losses import LOSSES, Loss

pytestmark = pytest.mark.parametrize("name", sorted(LOSSES))

# Where the slope of each loss is felt: neither saturated nor beyond a margin.
REAL = np.array([-0.6, 0.1, 0.5, 0.8], np.float32)
FAKE = np.array([0.4, 0.7, 0.2, 0.1], np.float32)
HUGE = np.array([1e3, -1e3, 1e3, -1e3], np.float32)


def slopes(function, real, fake) -> tuple[np.ndarray, np.ndarray]:
    real, fake = tf.constant(real), tf.constant(fake)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        total = tf.reduce_sum(function(real, fake))
    zero = tf.UnconnectedGradients.ZERO
    return tuple(g.numpy() for g in tape.gradient(total, [real, fake], unconnected_gradients=zero))


def generator_of(loss: Loss):
    return lambda real, fake: loss.generator(real if loss.reads_real else None, fake)


def test_one_float32_per_image(name):
    loss = LOSSES[name]()
    assert isinstance(loss, Loss)
    for value in (
        loss.discriminator(tf.constant(REAL), tf.constant(FAKE)),
        generator_of(loss)(tf.constant(REAL), tf.constant(FAKE)),
    ):
        assert value.shape == (4,)
        assert value.dtype == tf.float32


@pytest.mark.parametrize("sign", [1, -1])
def test_finite_with_finite_slopes_for_huge_logits(name, sign):
    loss = LOSSES[name]()
    for function in (loss.discriminator, generator_of(loss)):
        for fake in (sign * HUGE, HUGE[::-1]):
            assert np.isfinite(function(tf.constant(HUGE), tf.constant(fake))).all()
            assert all(np.isfinite(slope).all() for slope in slopes(function, HUGE, fake))


def test_the_discriminator_gains_from_higher_real_and_lower_fake(name):
    on_real, on_fake = slopes(LOSSES[name]().discriminator, REAL, FAKE)
    assert (on_real < 0).all()
    assert (on_fake > 0).all()


def test_the_generator_gains_from_higher_fake(name):
    loss = LOSSES[name]()
    on_real, on_fake = slopes(generator_of(loss), REAL, FAKE)
    assert (on_fake < 0).all()
    assert (on_real != 0).any() == loss.reads_real


def test_reads_real_is_honest(name):
    loss = LOSSES[name]()
    if loss.reads_real:
        with pytest.raises((TypeError, ValueError)):
            loss.generator(None, tf.constant(FAKE))
    else:
        given = loss.generator(tf.constant(REAL), tf.constant(FAKE))
        assert np.array_equal(loss.generator(None, tf.constant(FAKE)), given)


def test_each_image_pays_for_itself(name):
    """Entry i reads logits i alone: what a penalty or a meter averages is per image."""
    if name == "relativistic-average":
        pytest.skip("compares each image with the average of the other kind")
    loss = LOSSES[name]()
    for function in (loss.discriminator, generator_of(loss)):
        whole = function(tf.constant(REAL), tf.constant(FAKE)).numpy()
        single = [
            function(tf.constant(REAL[i : i + 1]), tf.constant(FAKE[i : i + 1])).numpy()[0]
            for i in range(4)
        ]
        np.testing.assert_allclose(whole, single, rtol=1e-6)


@pytest.mark.parametrize("classes", [pytest.param(0, marks=pytest.mark.proof), 2])
def test_a_training_step(name, classes, make_gan, batch, grey):
    gan = make_gan(LOSSES[name](), classes=classes)
    before = [
        [w.copy() for w in player.get_weights()] for player in (gan.generator, gan.discriminator)
    ]
    count = 4 * gan.turns
    data = (batch(count), grey[1][:count].astype(np.int32)) if classes else batch(count)
    means = gan.train_step(data)
    assert int(gan.step.numpy()) == 1
    for key in ("discriminator", "generator", "real", "fake"):
        assert np.isfinite(float(means[key]))
    for old, player in zip(before, (gan.generator, gan.discriminator), strict=True):
        new = player.get_weights()
        assert all(np.isfinite(w).all() for w in new)
        assert any(not np.array_equal(a, b) for a, b in zip(old, new, strict=True))
