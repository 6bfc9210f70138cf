"""Each penalty against its value worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ganvas.penalties import R1, R2, Critique, half_squared_norm


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
            penalty.per_image(*critiques), np.full(4, 0.5 * (w**2).sum()), rtol=1e-5
        )


def test_quadratic(real, fake, w):
    """f(x) = sum w x^2 / 2 has the gradient w x, so R1 and R2 tell real from fake."""
    critiques = both(lambda x: tf.reduce_sum(w * x**2, [1, 2, 3])[:, None] / 2, real, fake)
    for penalty, x in ((R1(1.0), real), (R2(1.0), fake)):
        expected = 0.5 * ((w * x) ** 2).sum((1, 2, 3))
        np.testing.assert_allclose(penalty.per_image(*critiques), expected, rtol=1e-5)


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


def test_half_squared_norm(real):
    expected = [0.5 * np.linalg.norm(image) ** 2 for image in real]
    np.testing.assert_allclose(half_squared_norm(tf.constant(real)), expected, rtol=1e-5)
