"""The random numbers of exported signatures without TensorFlow: those of its stateless operations
with `alg="philox"`, so that a server draws the same images.

Integers and uniform numbers are equal to the last bit; normals differ by the rounding of logarithm
and sine, less than 1e-6.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", for Philox 4x32 with ten
    rounds; TensorFlow 2.21, `stateless_random_ops.cc` for keys, `random_distributions.h` for
    numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Seed = tuple[int, int]
"""Two integers that fit into int32."""
_LOW = 0xFFFFFFFF
_SMALLEST = np.float32(1e-7)
_TURN = 2 * np.pi


def fold_in(seed: Seed, number: int) -> Seed:
    """The seed of an address, as `tf.random.experimental.stateless_fold_in` makes it."""
    first = _philox((0, 0, *_end(seed)[:2]), _end(seed)[2:])[0]
    return first - 2**32 if first >= 2**31 else first, number


def uniform(seed: Seed) -> np.float32:
    """A uniform number in [0, 1)."""
    end = _end(seed)
    return _fraction(np.array([_philox((0, 0, *end[:2]), end[2:])[0]]))[0]


def normal(size: int, seeds: Sequence[Seed]) -> np.ndarray:
    """Standard normal numbers of each seed: float32 [len(seeds), size]."""
    blocks = np.arange(-(-size // 4), dtype=np.uint64)[None]
    ends = np.array([_end(seed) for seed in seeds], np.uint64).T[..., None]
    zero = np.zeros((len(seeds), blocks.shape[1]), np.uint64)
    words = _philox((blocks + zero, zero, ends[0] + zero, ends[1] + zero), (ends[2], ends[3]))
    pairs = _fraction(np.stack(words, -1))
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(pairs[..., ::2], _SMALLEST)))
    angle = (_TURN * pairs[..., 1::2].astype(np.float64)).astype(np.float32)
    both = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], -1)
    return both.reshape(len(seeds), -1)[:, :size]


def _end(seed: Seed) -> tuple[int, int, int, int]:
    """The upper half of the counter, and the key, that belong to a seed."""
    # An int32 becomes a 64-bit number with its sign, as in TensorFlow.
    words = [(part >> shift) & _LOW for part in seed for shift in (0, 32)]
    mixed = _philox(words, (0x3EC8F720, 0x02461E29))
    return mixed[2], mixed[3], mixed[0], mixed[1]


def _philox(counter: Sequence[Any], key: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """Philox 4x32 with ten rounds: four words of 32 bits and two -> four random words.

    Words are integers of Python, which are fast for one block, or arrays of uint64.
    """
    (a, b, c, d), (e, f) = counter, key
    for _ in range(10):
        first, second = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = second >> 32 ^ b ^ e, second & _LOW, first >> 32 ^ d ^ f, first & _LOW
        e, f = e + 0x9E3779B9 & _LOW, f + 0xBB67AE85 & _LOW
    return a, b, c, d


def _fraction(words: np.ndarray) -> np.ndarray:
    """32-bit words -> float32 in [0, 1), of their lower 23 bits."""
    bits = words.astype(np.uint32) & np.uint32(0x7FFFFF) | np.uint32(0x3F800000)
    return bits.view(np.float32) - np.float32(1)
