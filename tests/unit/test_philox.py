"""The random numbers of exported signatures: those drawn without TensorFlow are TensorFlow's."""

import numpy as np
import pytest
import tensorflow as tf

from ganvas.base import philox
from ganvas.base.seeds import normal

ENDS = np.iinfo(np.int32)
SEEDS = [(0, 0), (3, 0), (-1, 7), (ENDS.min, ENDS.max), (123456789, -2)]


@pytest.mark.parametrize("part", [0, 1, 12, -5, ENDS.max])
def test_folded_seeds_are_equal(part):
    for seed in SEEDS:
        wanted = tf.random.experimental.stateless_fold_in(seed, int(part), alg="philox")
        assert philox.fold_in(seed, part) == tuple(wanted.numpy())


def test_uniform_numbers_are_equal():
    for seed in SEEDS:
        assert philox.uniform(seed) == tf.random.stateless_uniform((), seed, alg="philox").numpy()


@pytest.mark.parametrize("size", [1, 4, 7, 100, 1000])
def test_normals_are_equal_but_for_rounding(size):
    drawn = philox.normal(size, SEEDS)
    assert drawn.shape == (len(SEEDS), size) and drawn.dtype == np.float32
    wanted = [normal((size,), seed).numpy() for seed in SEEDS]
    np.testing.assert_allclose(drawn, wanted, atol=1e-6, rtol=0)


def test_many_normals():
    seeds = [philox.fold_in((5, 1), number) for number in range(64)]
    wanted = np.stack([normal((512,), seed).numpy() for seed in seeds])
    np.testing.assert_allclose(philox.normal(512, seeds), wanted, atol=1e-6, rtol=0)
