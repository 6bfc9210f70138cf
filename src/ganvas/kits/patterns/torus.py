"""Periodic fields of noise, from which tiles are generated."""

from __future__ import annotations

import numpy as np

SMOOTH = 3.0
"""Cells over which the overall noise changes: about a crop's side."""


def rng_of(seed: int, purpose: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox([seed, purpose]))


def plain(cells: tuple[int, int], depth: int, rng: np.random.Generator) -> np.ndarray:
    """Independent standard normal numbers for each cell: float32 [h, w, depth]."""
    return rng.standard_normal((*cells, depth)).astype(np.float32)


def smooth(
    cells: tuple[int, int], depth: int, rng: np.random.Generator, sigma: float = SMOOTH
) -> np.ndarray:
    """Standard normal at every cell, and similar in neighbouring ones: white noise convolved, on
    the torus, with a Gaussian of `sigma` cells; float32 [h, w, depth].

    In training, overall noise is one vector for a whole crop; in a tile of many crops it may vary
    from place to place, as the source does.
    """
    white = np.fft.fft2(rng.standard_normal((*cells, depth)), axes=(0, 1))
    waves = np.hypot(np.fft.fftfreq(cells[0])[:, None], np.fft.fftfreq(cells[1]))
    filtered = np.exp(-0.5 * (2 * np.pi * sigma * waves) ** 2)[..., None]
    field = np.fft.ifft2(white * filtered, axes=(0, 1)).real
    return (field / np.sqrt((filtered**2).mean())).astype(np.float32)


def between(cells: tuple[int, int]) -> np.ndarray:
    """The share of the second texture at each cell of a morph: 0 at the left border, 1 in the
    middle, 0 again at the right, smooth and periodic: float32 [h, w, 1]."""
    where = (np.arange(cells[1]) + 0.5) / cells[1]
    share = 0.5 - 0.5 * np.cos(2 * np.pi * where)
    share = share * share * (3 - 2 * share)  # longer at either end
    return np.broadcast_to(share[None, :, None], (*cells, 1)).astype(np.float32)


def enlarged(field: np.ndarray, factor: int) -> np.ndarray:
    """A smooth field, each cell to factor x factor pixels, linear between the cells' centres and
    periodic: [h, w, C] -> [factor h, factor w, C]."""
    for axis in (0, 1):
        cells = field.shape[axis]
        where = (np.arange(factor * cells) + 0.5) / factor - 0.5
        at = np.floor(where).astype(int)
        share = (where - at).reshape([-1 if i == axis else 1 for i in range(3)])
        before, after = (field.take(i % cells, axis=axis) for i in (at, at + 1))
        field = (1 - share) * before + share * after
    return field
