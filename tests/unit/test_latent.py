"""The search for the noise of an image against Adam in NumPy; the way along a sphere."""

import numpy as np
import pytest
import tensorflow as tf

from ganvas.sampling import latent
from ganvas.sampling.interpolation import slerp

RNG = np.random.default_rng(0)
START, WANTED = RNG.normal(size=(2, 5, 3))


def adam(cost, slope, noise, rates, decay=0.999):
    """One row: the lowest cost on the way, and where it is."""
    first, second, found = np.zeros_like(noise), np.zeros_like(noise), [(cost(noise), noise)]
    for t, rate in enumerate(rates, 1):
        first = 0.9 * first + 0.1 * slope(noise)
        second = decay * second + (1 - decay) * slope(noise) ** 2
        noise = noise - rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - decay**t)) + 1e-8)
        found.append((cost(noise), noise))
    return min(found, key=lambda one: one[0])


@tf.function
def searched(noise, wanted, steps, rate, **options):
    def cost(z):
        return tf.reduce_sum((z - wanted) ** 2, axis=1)

    return latent.search(cost, noise, steps, rate, **options)


def rows(noise, wanted, rates, pull=0.0, **options):
    return [
        adam(lambda z, w=w: ((z - w) ** 2).sum(), lambda z, w=w: 2 * (z - w) + 2 * pull * z,
             z, rates, **options)
        for z, w in zip(noise, wanted, strict=True)
    ]  # fmt: skip


def assert_found(found, wanted):
    for (cost, noise), one, row in zip(wanted, *map(np.asarray, found), strict=True):
        assert one == pytest.approx(cost, rel=1e-9)
        assert row == pytest.approx(noise, rel=1e-9)


def test_each_row_is_searched_by_adam_and_its_best_kept():
    """So large a rate that the last noise is not the best."""
    found = searched(START, WANTED, tf.constant(12), 0.6)
    wanted = rows(START, WANTED, [0.6] * 12)
    assert_found(found, wanted)
    last = ((WANTED - START) ** 2).sum(1)
    assert (np.asarray(found[0]) < last).all()


def test_the_rate_may_follow_the_step():
    def rate(step):
        return tf.where(step < 4, tf.constant(0.3, tf.float64), 0.03)

    found = searched(START, WANTED, tf.constant(9), rate, decay=0.99)
    assert_found(found, rows(START, WANTED, [0.3] * 4 + [0.03] * 5, decay=0.99))


def test_a_penalty_steers_and_does_not_count():
    def penalty(z):
        return 0.5 * tf.reduce_sum(z**2, axis=1)

    found = searched(START, WANTED, tf.constant(200), 0.05, penalty=penalty)
    assert_found(found, rows(START, WANTED, [0.05] * 200, pull=0.5))
    cost, noise = map(np.asarray, found)
    assert cost == pytest.approx(((noise - WANTED) ** 2).sum(1), rel=1e-9)


def test_no_steps_give_the_start():
    cost, noise = searched(START, WANTED, tf.constant(0), 0.1)
    assert (np.asarray(noise) == START).all()
    assert cost.numpy() == pytest.approx(((START - WANTED) ** 2).sum(1), rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_as_many_rows_as_there_are(count):
    """A model that takes any number of images, as a SavedModel does, says nothing of how many."""

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float64)])
    def generate(z):
        return tf.tanh(z)

    @tf.function
    def search(noise, wanted):
        def cost(z):
            return tf.reduce_sum((generate(z) - wanted) ** 2, axis=1)

        return latent.search(cost, noise, 20, 0.05)

    together, _ = search(START, np.tanh(WANTED))
    some, _ = search(START[:count], np.tanh(WANTED[:count]))
    assert some.numpy() == pytest.approx(together.numpy()[:count], rel=1e-9)


def test_slerp_goes_along_the_sphere():
    a, b = np.array([[3.0, 0, 0]]), np.array([[0, 3.0, 0]])
    for share in (0.0, 0.25, 0.5, 1.0):
        angle = share * np.pi / 2
        way = slerp(a, b, np.array([[share]]))
        assert way[0] == pytest.approx([3 * np.cos(angle), 3 * np.sin(angle), 0], abs=1e-12)
