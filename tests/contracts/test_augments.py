"""What every augmentation keeps to; a new one is tested because it stands in the table."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.augment import ADA, AUGMENTS, DiffAugment

SEED = tf.constant([5, 6])
SHAPES = [(16, 16, 1), (12, 20, 3), (9, 17, 2), (16, 16, 4)]
MAKE = {"ada": lambda: ADA(start=0.8), "diff": DiffAugment}

pytestmark = pytest.mark.parametrize("name", sorted(AUGMENTS))


def images(shape, count: int = 6) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (count, *shape)), tf.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_stay_images(name, shape):
    given = images(shape)
    seen = MAKE[name]()(given, SEED)
    assert seen.shape == given.shape
    assert seen.dtype == tf.float32
    assert np.isfinite(seen).all()
    assert not np.allclose(seen, given)


def test_the_seed_is_the_address(name):
    given = images((16, 16, 3))
    augment = MAKE[name]()
    np.testing.assert_array_equal(augment(given, SEED), augment(given, SEED))
    assert not np.allclose(augment(given, SEED), augment(given, SEED + 1))


def test_each_image_is_changed_in_its_own_way(name):
    same = tf.tile(images((16, 16, 1), 1), (16, 1, 1, 1))
    seen = MAKE[name]()(same, SEED).numpy()
    assert len({image.tobytes() for image in seen}) > 8


@pytest.mark.parametrize("shape", [(12, 16, 3), (16, 16, 1)])
def test_second_order_gradient(name, shape):
    """d/dx of |d/dx sum T(x)^3|^2, against central differences."""
    augment = MAKE[name]()
    given = images(shape, 3)

    def steepness(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(augment(x, SEED) ** 3)
        return tf.reduce_sum(tape.gradient(total, x) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(given)
        value = steepness(given)
    direction = np.random.default_rng(1).normal(size=given.shape).astype(np.float32)
    exact = float(tf.reduce_sum(tape.gradient(value, given) * direction))
    step = 1e-2
    numeric = float(steepness(given + step * direction) - steepness(given - step * direction))
    assert exact == pytest.approx(numeric / (2 * step), rel=0.02)


def test_the_gradient_is_the_transpose(name):
    """Both are affine in the image: <T x - T 0, y> = <x, T* y>."""
    augment = MAKE[name]()
    x, y = images((12, 16, 3)), images((12, 16, 3))[::-1]
    with tf.GradientTape() as tape:
        tape.watch(x)
        seen = augment(x, SEED)
    back = tape.gradient(seen, x, y)
    linear = augment(x, SEED) - augment(tf.zeros_like(x), SEED)
    left, right = (float(tf.reduce_sum(a * b)) for a, b in ((linear, y), (x, back)))
    assert left == pytest.approx(right, rel=1e-3, abs=1e-2)


def test_alpha_keeps_its_values(name):
    """Colours change, transparency only moves."""
    given = tf.concat([images((16, 16, 3)), tf.ones((6, 16, 16, 1))], axis=3)
    alpha = MAKE[name]()(given, SEED).numpy()[..., 3]
    assert set(np.unique(alpha.round(4))) <= {0.0, 1.0}


def test_it_plays(name, make_gan, batch):
    gan = make_gan(augment=MAKE[name]())
    means = gan.train_step(batch(8))
    assert all(np.isfinite(float(mean)) for mean in means.values())
    assert ("augment" in means) == (name == "ada")
