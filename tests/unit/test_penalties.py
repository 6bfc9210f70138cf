"""Each penalty against its value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.penalties import R1, R2, Consistency, Critique, Dragan, GradientPenalty, LeCam

SEED = tf.constant([3, 4])


@pytest.fixture
def real() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (4, 3, 5, 2)).astype(np.float32)


@pytest.fixture
def fake() -> np.ndarray:
    return np.random.default_rng(2).uniform(-1, 1, (4, 3, 5, 2)).astype(np.float32)


@pytest.fixture
def w() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((3, 5, 2)).astype(np.float32)


def both(function, real, fake):
    return Critique(function, tf.constant(real)), Critique(function, tf.constant(fake))


def test_linear(real, fake, w):
    """f(x) = w . x is as steep everywhere: half of |w| squared."""
    critiques = both(lambda x: tf.reduce_sum(x * w, [1, 2, 3])[:, None], real, fake)
    for penalty in (R1(1.0), R2(1.0)):
        np.testing.assert_allclose(
            penalty.per_image(*critiques, SEED), np.full(4, 0.5 * (w**2).sum()), rtol=1e-5
        )


def test_quadratic(real, fake, w):
    """f(x) = sum w x^2 / 2 has the gradient w x, so R1 and R2 tell real from fake."""
    critiques = both(lambda x: tf.reduce_sum(w * x**2, [1, 2, 3])[:, None] / 2, real, fake)
    for penalty, x in ((R1(1.0), real), (R2(1.0), fake)):
        expected = 0.5 * ((w * x) ** 2).sum((1, 2, 3))
        np.testing.assert_allclose(penalty.per_image(*critiques, SEED), expected, rtol=1e-5)


def test_critique_gradient_and_logits(real, w):
    calls = []

    def function(x):
        calls.append(1)
        return tf.reduce_sum(w * x**2, [1, 2, 3])[:, None]

    critique = Critique(function, tf.constant(real))
    np.testing.assert_allclose(critique.logits, (w * real**2).sum((1, 2, 3)), rtol=1e-4)
    for _ in range(2):  # two penalties may ask
        np.testing.assert_allclose(critique.gradient(), 2 * w * real, rtol=1e-5)
    assert len(calls) == 1, "the forward pass is shared"


def test_packs_pay_as_one_image(real, fake, w):
    """Logit = sum w x^2 / 2 over two images: the slope of a pack is that of both together."""

    def packs(x):
        return tf.reduce_sum(tf.reshape(w * x**2, (2, -1)), axis=1, keepdims=True) / 2

    critiques = both(packs, real, fake)
    expected = 0.5 * ((w * real) ** 2).reshape(2, -1).sum(1)
    np.testing.assert_allclose(R1(1.0).per_image(*critiques, SEED), expected, rtol=1e-5)
    share = tf.random.stateless_uniform((2, 1, 1, 1), SEED, alg="philox").numpy().repeat(2, 0)
    slope = (w * (share * real + (1 - share) * fake)).reshape(2, -1)
    value = GradientPenalty().per_image(*critiques, SEED)
    np.testing.assert_allclose(value, (np.linalg.norm(slope, axis=1) - 1) ** 2, rtol=1e-4)


def test_gradient_penalty_between_real_and_fake(real, fake, w):
    """f(x) = sum w x^2 / 2: the slope at the mixture of the addressed shares, minus 1, squared."""
    critiques = both(lambda x: tf.reduce_sum(w * x**2, [1, 2, 3])[:, None] / 2, real, fake)
    share = tf.random.stateless_uniform((4, 1, 1, 1), SEED, alg="philox").numpy()
    assert len(set(share.ravel())) == 4, "one share per image"
    slope = np.sqrt(((w * (share * real + (1 - share) * fake)) ** 2).sum((1, 2, 3)))
    value = GradientPenalty().per_image(*critiques, SEED)
    np.testing.assert_allclose(value, (slope - 1) ** 2, rtol=1e-4)


def test_gradient_penalty_is_zero_and_smooth_at_slope_one(real, fake, w):
    unit = w / np.sqrt((w**2).sum())
    linear = both(lambda x: tf.reduce_sum(x * unit, [1, 2, 3])[:, None], real, fake)
    flat = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        none = both(lambda x: flat * tf.reduce_sum(x, [1, 2, 3])[:, None], real, fake)
        value = tf.reduce_sum(GradientPenalty().per_image(*none, SEED))
    np.testing.assert_allclose(GradientPenalty().per_image(*linear, SEED), 0, atol=1e-6)
    assert np.isfinite(tape.gradient(value, flat)), "the root's slope at zero"


def test_dragan_looks_around_real_images_alone(real, fake, w):
    critiques = both(lambda x: tf.reduce_sum(w * x**2, [1, 2, 3])[:, None] / 2, real, fake)
    value = Dragan().per_image(*critiques, SEED)
    other = both(lambda x: tf.reduce_sum(w * x**2, [1, 2, 3])[:, None] / 2, real, 5 * fake)
    np.testing.assert_array_equal(value, Dragan().per_image(*other, SEED))
    at_real = (np.sqrt(((w * real) ** 2).sum((1, 2, 3))) - 1) ** 2
    none = Dragan(spread=0.0).per_image(*critiques, SEED)
    np.testing.assert_allclose(none, at_real, rtol=1e-4)
    assert not np.allclose(value, at_real, rtol=1e-2)


def test_lecam_remembers_each_kind(real, fake, w):
    critiques = both(lambda x: tf.reduce_sum(x * w, [1, 2, 3])[:, None], real, fake)
    penalty = LeCam(decay=0.9)
    r, f = (c.logits.numpy() for c in critiques)
    np.testing.assert_allclose(penalty.per_image(*critiques, SEED), r**2 + f**2, rtol=1e-5)
    for _ in range(2):
        penalty.observe(critiques[0].logits, critiques[1].logits)
    remembered = [(1 - 0.9**2) * x.mean() for x in (r, f)]
    np.testing.assert_allclose([v.numpy() for v in penalty.variables], remembered, rtol=1e-5)
    expected = (r - remembered[1]) ** 2 + (f - remembered[0]) ** 2
    np.testing.assert_allclose(penalty.per_image(*critiques, SEED), expected, rtol=1e-4)


def test_consistency_counts_both_kinds(real, fake):
    """A discriminator that only adds up pixels notices what translation pushes out."""
    penalty = Consistency(policy="translation")
    total = both(lambda x: tf.reduce_sum(x, [1, 2, 3])[:, None], real, fake)
    seeds = tf.random.experimental.stateless_split(SEED, 2)
    moved = [penalty._augment(tf.constant(x), seeds[i]).numpy() for i, x in enumerate((real, fake))]
    expected = sum((x - m).sum((1, 2, 3)) ** 2 for x, m in zip((real, fake), moved, strict=True))
    np.testing.assert_allclose(penalty.per_image(*total, SEED), expected, rtol=1e-3, atol=1e-5)
