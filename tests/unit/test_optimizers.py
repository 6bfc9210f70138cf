"""The fused Adam is Keras's Adam; learning rates fall as drawn."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ganvas.gan.optimizers import Adam, Decay, decayed


def steps_of(optimizer, gradients: np.ndarray) -> np.ndarray:
    variable = keras.Variable(np.linspace(-1, 1, 5, dtype=np.float32))
    optimizer.build([variable])
    path = []
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
        path.append(variable.numpy())
    return np.stack(path)


@pytest.fixture
def gradients() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((20, 5)).astype(np.float32)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.5, 0.999), (0.0, 0.99), (0.9, 0.999)])
def test_like_keras_and_like_the_formula(gradients, beta1, beta2):
    ours = steps_of(Adam(1e-2, beta1, beta2), gradients)
    theirs = keras.optimizers.Adam(1e-2, beta1, beta2, epsilon=1e-8)
    np.testing.assert_allclose(
        ours,
        steps_of(theirs, gradients),
        atol=2e-6,
    )
    w, m, v = np.linspace(-1, 1, 5), np.zeros(5), np.zeros(5)
    for t, (g, ours_t) in enumerate(zip(gradients.astype(float), ours, strict=True), 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        rate = 1e-2 * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        w = w - rate * m / (np.sqrt(v) + 1e-7)
        np.testing.assert_allclose(ours_t, w, atol=2e-5)


def test_state_goes_on_where_it_stopped(gradients):
    whole = steps_of(Adam(1e-2, 0.5), gradients)
    variable = keras.Variable(np.linspace(-1, 1, 5, dtype=np.float32))
    first = Adam(1e-2, 0.5)
    first.build([variable])
    for gradient in gradients[:7]:
        first.apply([tf.constant(gradient)], [variable])
    second = Adam(1e-2, 0.5)
    second.build([variable])
    for old, new in zip(first.variables, second.variables, strict=True):
        new.assign(old)
    for gradient in gradients[7:]:
        second.apply([tf.constant(gradient)], [variable])
    assert np.array_equal(variable.numpy(), whole[-1])


@pytest.mark.parametrize(
    ("shape", "to", "expected"),
    [("none", 0.0, [1, 1, 1, 1, 1]), ("linear", 0.0, [1, 0.75, 0.5, 0, 0]),
     ("linear", 0.2, [1, 0.8, 0.6, 0.2, 0.2]), ("cosine", 0.0, [1, 0.853553, 0.5, 0, 0]),
     ("cosine", 1.0, [1, 1, 1, 1, 1])],
)  # fmt: skip
def test_decay(shape, to, expected):
    decay = Decay(2e-3, 100, shape, to)
    rates = [float(decay(step)) for step in (0, 25, 50, 100, 1000)]
    np.testing.assert_allclose(rates, 2e-3 * np.array(expected), rtol=1e-4, atol=1e-9)
    twin = Decay(**decay.get_config())
    assert float(twin(30)) == float(decay(30))


def test_how_far_a_rate_has_decayed():
    optimizer = Adam(Decay(1e-2, 10, "linear", 0.2), 0.5)
    assert decayed(optimizer) == pytest.approx(1)
    optimizer.iterations.assign(5)
    assert decayed(optimizer) == pytest.approx(0.6)
    assert decayed(Adam(1e-2)) == decayed(keras.optimizers.RMSprop(0.1)) == 1


def test_the_rate_is_read_anew_at_each_update(gradients):
    ours = steps_of(Adam(Decay(1e-2, 10, "linear", 0.0), 0.5), gradients)
    assert np.array_equal(ours[10], ours[-1]), "after the fall to zero nothing moves"
    assert not np.array_equal(ours[8], ours[9])


def test_powers_are_computed_once_a_step():
    variables = [keras.Variable(np.ones(2, np.float32)) for _ in range(3)]
    optimizer = Adam(0.1, 0.5, 0.9, beta2_start=0.8, burn_in=10)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step():
        optimizer.apply([tf.ones(2)] * 3, variables)

    names = [one.type for one in step.get_concrete_function().graph.get_operations()]
    assert names.count("ResourceApplyAdam") == 3
    assert names.count("Pow") == 2
    step()
    optimizer.apply([tf.ones(2)] * 3, variables)  # not with the tensors of the function
    assert all(np.array_equal(one, variables[0]) for one in variables)
