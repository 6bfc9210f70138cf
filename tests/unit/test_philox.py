"""The random numbers of exported signatures: NumPy's are TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from ganvas.base import philox
from ganvas.base.seeds import normal

ENDS = np.iinfo(np.int32)
SEEDS = np.array([[0, 0], [3, 0], [-1, 7], [ENDS.min, ENDS.max], [123456789, -2]], np.int32)


@pytest.mark.parametrize("part", [0, 1, 12, -5, ENDS.max])
def test_folded_seeds_are_equal(part):
    fold = tf.random.experimental.stateless_fold_in
    wanted = [fold(seed, part, alg="philox").numpy() for seed in SEEDS]
    np.testing.assert_array_equal(philox.fold_in(SEEDS, part), wanted)
    np.testing.assert_array_equal(philox.fold_in(SEEDS, np.full(len(SEEDS), part)), wanted)


def test_uniform_numbers_are_equal():
    wanted = [tf.random.stateless_uniform((), seed, alg="philox").numpy() for seed in SEEDS]
    np.testing.assert_array_equal(philox.uniform(SEEDS), wanted)


@pytest.mark.parametrize("size", [1, 4, 7, 100, 1000])
def test_normals_are_equal_but_for_rounding(size):
    drawn = philox.normal(size, SEEDS)
    assert drawn.shape == (len(SEEDS), size) and drawn.dtype == np.float32
    wanted = [normal((size,), seed).numpy() for seed in SEEDS]
    np.testing.assert_allclose(drawn, wanted, atol=1e-6, rtol=0)


def test_many_normals():
    seeds = philox.fold_in(np.array([5, 1], np.int32), np.arange(64))
    wanted = np.stack([normal((512,), seed).numpy() for seed in seeds])
    np.testing.assert_allclose(philox.normal(512, seeds), wanted, atol=1e-6, rtol=0)
