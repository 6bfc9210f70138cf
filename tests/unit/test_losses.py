"""Each loss against its formula, written by hand in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.losses import LOSSES, Hinge


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FORMULAS = {  # of float64 logits: (discriminator, generator)
    "nonsaturating": (
        lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)),
        lambda r, f: -np.log(sigmoid(f)),
    ),
    "saturating": (
        lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)),
        lambda r, f: np.log(1 - sigmoid(f)),
    ),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f),
        lambda r, f: -f,
    ),
    "least-squares": (
        lambda r, f: ((r - 1) ** 2 + f**2) / 2,
        lambda r, f: (f - 1) ** 2 / 2,
    ),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "relativistic-average": (
        lambda r, f: -np.log(sigmoid(r - f.mean())) - np.log(1 - sigmoid(f - r.mean())),
        lambda r, f: -np.log(1 - sigmoid(r - f.mean())) - np.log(sigmoid(f - r.mean())),
    ),
    "relativistic": (
        lambda r, f: -np.log(sigmoid(r - f)),
        lambda r, f: -np.log(sigmoid(f - r)),
    ),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_formula(name):
    assert name in FORMULAS, f"write the formula of '{name}' here"
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0, 3, (2, 500))
    loss = LOSSES[name]()
    given = [tf.constant(x, tf.float32) for x in (real, fake)]
    for ours, formula in zip((loss.discriminator, loss.generator), FORMULAS[name], strict=True):
        np.testing.assert_allclose(ours(*given), formula(real, fake), rtol=2e-5, atol=2e-6)


def test_hinge_margin():
    loss = Hinge(margin=0.5)
    value = loss.discriminator(tf.constant([0.4, 0.6]), tf.constant([-0.6, 0.0]))
    np.testing.assert_allclose(value, [0.1, 0.5], atol=1e-6)
    given = tf.constant([0.3, -2.0])
    assert np.array_equal(loss.generator(None, given), -given)


def test_huge_logits_keep_their_size():
    """Where log(sigmoid) would overflow, softplus is the logit itself."""
    loss = LOSSES["nonsaturating"]()
    value = loss.discriminator(tf.constant([-1e3, 1e3]), tf.constant([1e3, -1e3]))
    np.testing.assert_allclose(value, [2e3, 0])
