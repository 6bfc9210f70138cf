"""The random numbers of exported signatures in NumPy: those of TensorFlow's stateless operations
with `alg="philox"`, so that a server draws the same images without TensorFlow.

Integers and uniform numbers are equal to the last bit; normals differ by the rounding of logarithm
and sine, less than 1e-6.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", for Philox 4x32 with ten
    rounds; TensorFlow 2.21, `stateless_random_ops.cc` for keys, `random_distributions.h` for
    numbers.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 10
_FACTORS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_STEPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
_KEY = np.array([0x3EC8F720, 0x02461E29], np.uint64)
"""Key with which a seed is scrambled."""
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_SMALLEST = np.float32(1e-7)
_TURN = 2 * np.pi


def fold_in(seeds: np.ndarray, data: int | np.ndarray) -> np.ndarray:
    """New seeds of seeds and an integer each, as `tf.random.experimental.stateless_fold_in`.

    Args:
        seeds: int32 [..., 2].
        data: integers that fit into int32, [...].

    Returns: int32 [..., 2].
    """
    first = _words(seeds, 1)[..., 0].astype(np.uint32).view(np.int32)
    return np.stack(np.broadcast_arrays(first, np.asarray(data, np.int32)), -1)


def uniform(seeds: np.ndarray) -> np.ndarray:
    """A uniform number in [0, 1) for each seed: int32 [..., 2] -> float32 [...]."""
    return _fraction(_words(seeds, 1)[..., 0])


def normal(size: int, seeds: np.ndarray) -> np.ndarray:
    """Standard normal numbers for each seed: int32 [..., 2] -> float32 [..., size]."""
    pairs = _fraction(_words(seeds, -(-size // 4)))
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(pairs[..., ::2], _SMALLEST)))
    angle = (_TURN * pairs[..., 1::2].astype(np.float64)).astype(np.float32)
    both = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], -1)
    return both.reshape(*seeds.shape[:-1], -1)[..., :size]


def _words(seeds: np.ndarray, blocks: int) -> np.ndarray:
    """The first random words of each seed, four in a block: [..., 2] -> [..., 4 * blocks]."""
    # An int32 becomes a 64-bit number with its sign, as in TensorFlow.
    wide = np.asarray(seeds, np.int32).astype(np.int64).view(np.uint64)
    given = np.stack([wide & _LOW, wide >> _HALF], -1).reshape(*wide.shape[:-1], 4)
    mixed = _philox(given, np.broadcast_to(_KEY, wide.shape))[..., None, :]
    counters = np.zeros((*wide.shape[:-1], blocks, 4), np.uint64)
    counters[..., 0] = np.arange(blocks)
    counters[..., 2:] = mixed[..., 2:]
    found = _philox(counters, np.broadcast_to(mixed[..., :2], (*counters.shape[:-1], 2)))
    return found.reshape(*wide.shape[:-1], -1)


def _philox(counters: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Philox 4x32 with ten rounds: counters [..., 4] and keys [..., 2] of 32-bit words in uint64.
    The order of words: 0 and 2 are multiplied, 1 and 3 are combined."""
    even, odd, key = counters[..., ::2], counters[..., 1::2], keys
    for _ in range(_ROUNDS):
        products = even * _FACTORS
        even = (products >> _HALF)[..., ::-1] ^ odd ^ key
        odd = (products & _LOW)[..., ::-1]
        key = (key + _STEPS) & _LOW
    return np.stack([even, odd], -1).reshape(counters.shape)


def _fraction(words: np.ndarray) -> np.ndarray:
    """32-bit words -> float32 in [0, 1), of their lower 23 bits."""
    bits = words.astype(np.uint32) & np.uint32(0x7FFFFF) | np.uint32(0x3F800000)
    return bits.view(np.float32) - np.float32(1)
