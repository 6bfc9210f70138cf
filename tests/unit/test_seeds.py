"""Random numbers have addresses."""

from __future__ import annotations

import itertools

import numpy as np
import tensorflow as tf

from ganvas.base.seeds import fold, normal


def test_the_same_address_gives_the_same_seed():
    assert np.array_equal(fold(3, 7, "noise"), fold(3, 7, "noise"))
    assert fold(3, 7, "noise").dtype == tf.int32
    assert fold(3, 7, "noise").shape == (2,)


def test_every_part_of_the_address_counts():
    addresses = [
        (3, 7, "noise"), (4, 7, "noise"), (3, 8, "noise"), (3, 7, "other"), (3, "noise", 7),
        (3, 7), (3,), (7, 3, "noise"), (3 + 2**31, 7, "noise"), (3, 7, "noise", 0), (3, 7, "", 0),
    ]  # fmt: skip
    seeds = {tuple(fold(*address).numpy()) for address in addresses}
    assert len(seeds) == len(addresses)


def test_tensors_and_numbers_are_one_inside_and_outside_a_graph():
    graph = tf.function(lambda step: fold(3, step, "noise"))
    for step in (0, 1, 2**31 - 1):
        eager = fold(3, step, "noise")
        assert np.array_equal(eager, graph(tf.constant(step, tf.int64)))
        assert np.array_equal(eager, fold(3, tf.constant(step, tf.int64), "noise"))


def test_known_values_stay_what_they_are():
    """A run of an older version goes on exactly only if addresses keep their meaning."""
    first = normal((3,), fold(0, 0, "discriminator", 0, 0)).numpy()
    again = normal((3,), fold(0, 0, "discriminator", 0, 0)).numpy()
    assert np.array_equal(first, again)
    np.testing.assert_allclose(first, [-0.7197605, -0.4104097, 0.2257343], rtol=1e-5)


def test_noise_is_standard_normal_and_neighbours_do_not_correlate():
    rows = np.stack([normal((4000,), fold(0, step, "noise")).numpy() for step in range(6)])
    assert abs(rows.mean()) < 0.03
    assert abs(rows.std() - 1) < 0.03
    for one, other in itertools.combinations(rows, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.08  # 5 sigma
