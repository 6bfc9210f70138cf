"""What every penalty keeps to; a new one is tested because it stands in the table."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.penalties import PENALTIES, Critique, Penalty

SEED = tf.constant([1, 2])
LAZY = {"r1", "r2"}
SLOPES = {"dragan", "gradient", "r1", "r2"}
"""Those that ask how steep the discriminator is; the others compare logits."""
ONE = {"dragan", "gradient"}
"""Those that want a slope of 1, not of 0."""

pytestmark = pytest.mark.parametrize("name", sorted(PENALTIES))


@pytest.fixture
def images() -> tuple[tf.Tensor, tf.Tensor]:
    """Real and fake, [5, 8, 8, 2]."""
    rng = np.random.default_rng(0)
    return tuple(tf.constant(rng.uniform(-1, 1, (5, 8, 8, 2)), tf.float32) for _ in range(2))


@pytest.fixture
def ask(images):
    """The penalty's value for a function of images -> logits [B, 1]."""

    def per_image(penalty: Penalty, discriminator) -> tf.Tensor:
        return penalty.per_image(*(Critique(discriminator, batch) for batch in images), SEED)

    return per_image


def curved(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.sin(3 * images) + images**3, axis=[1, 2, 3])[:, None]


def test_one_nonnegative_float32_per_image(name, ask):
    value = ask(PENALTIES[name](weight=1.0), curved)
    assert value.shape == (5,)
    assert value.dtype == tf.float32
    assert (value.numpy() > 0).all()
    assert np.isfinite(value).all()


def test_the_weight_is_left_to_the_game(name, ask):
    light, heavy = (ask(PENALTIES[name](weight), curved) for weight in (1.0, 9.0))
    assert np.array_equal(light, heavy)


def test_a_flat_discriminator_pays_nothing(name, ask):
    flat = 0 if name == "lecam" else 7  # far from the other kind's average, 0 at first
    value = ask(
        PENALTIES[name](weight=1.0), lambda x: 0 * tf.reduce_sum(x, [1, 2, 3])[:, None] + flat
    )
    np.testing.assert_allclose(value, np.full(5, name in ONE), atol=1e-5)


def test_steeper_pays_more(name, ask):
    penalty = PENALTIES[name](weight=1.0)
    assert (ask(penalty, lambda x: 2 * curved(x)).numpy() > ask(penalty, curved).numpy()).all()


def test_it_reaches_the_weights_of_the_discriminator(name, ask):
    """The trap of all gradient penalties: a second derivative that is silently missing."""
    scale = tf.Variable(1.5)
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(ask(PENALTIES[name](weight=1.0), lambda x: scale * curved(x)))
    slope = tape.gradient(value, scale)
    assert slope is not None

    def at(s):
        return tf.reduce_mean(ask(PENALTIES[name](weight=1.0), lambda x: s * curved(x)))

    np.testing.assert_allclose(slope, (at(1.501) - at(1.499)) / 0.002, rtol=1e-2)


def test_nonsense_is_refused(name):
    with pytest.raises(ValueError, match="weight must be >= 0, every >= 1"):
        PENALTIES[name](weight=-1.0)
    with pytest.raises((ValueError, TypeError), match="every"):
        PENALTIES[name](weight=1.0, every=0)


@pytest.mark.parametrize("every", [1, 3])
def test_due_steps_alone_are_charged_and_count_for_the_others(name, every, make_gan, batch):
    """Over a whole cycle the charges add up to weight * value * cycle, whatever `every` is."""
    if every > 1 and name not in LAZY:
        pytest.skip("is asked at every step")
    options = {"every": every} if name in LAZY else {}
    gan = make_gan(penalties=[PENALTIES[name](weight=2.0, **options)])
    real, fake = (
        Critique(lambda x: gan.logits(x, None), tf.constant(batch(8)[i::2])) for i in (0, 1)
    )
    charged, once = [], 0.0
    for step in range(6 if name in LAZY else 2):
        gan.step.assign(step)
        if step == 0 or name not in LAZY:
            seed = gan.address("penalty", 0, 0)
            once = float(tf.reduce_mean(gan.penalties[0].per_image(real, fake, seed)))
            assert once > 0
        if name not in LAZY:
            charge = float(gan.charge(0, real, fake))
            assert charge == pytest.approx(2 * once, rel=1e-5)
            continue
        charged.append(float(gan.charge(0, real, fake)))
    if name not in LAZY:
        return
    expected = [2.0 * every * once if step % every == 0 else 0.0 for step in range(6)]
    np.testing.assert_allclose(charged, expected, rtol=1e-5)
    np.testing.assert_allclose(sum(charged), 6 * 2.0 * once, rtol=1e-5)


@pytest.fixture(scope="module")
def without(make_gan, batch):
    """The discriminator's weights after a step without any penalty."""
    gan = make_gan()
    gan.train_step(batch(8))
    return gan.discriminator.get_weights()


def test_a_training_step_with_it_differs_from_one_without(name, without, make_gan, batch):
    gan = make_gan(penalties=[PENALTIES[name](weight=100.0)])
    gan.train_step(batch(8))
    with_it = gan.discriminator.get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(with_it, without, strict=True))
