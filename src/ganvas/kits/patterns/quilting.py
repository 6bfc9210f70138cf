"""Image quilting on a torus: a tile is laid from blocks of the texture, without training.

Source: Efros and Freeman 2001, doi:10.1145/383259.383296. There the canvas has borders; here the
last block of a row meets the first one, and the last row the first row, with the same cuts. And a
place that was taken already is avoided, so that nothing catches the eye again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from ...errors import UsageError
from .crops import Texture, index_of
from .torus import rng_of

SHARE = 4
"""The texture's short side is so many blocks."""
OVERLAP = 4
"""A block is so many overlaps."""
TOLERANCE = 0.1
"""A block is drawn among those whose mismatch is at most so much above the lowest."""
ENOUGH = 0.1
"""Blocks with less than this share of the median mismatch count as equally good. Else the exact
continuation would always be taken, and a texture that tiles would come back as it is."""
REUSE = 4.0
"""By how much a block's mismatch counts more for each time that its place was taken before."""
LEAST, LARGEST = 64, 4096
"""Sides of a tile in pixels."""


@dataclass(frozen=True)
class Grid:
    """Where blocks lie on a torus.

    Attributes:
        size: (height, width) of the tile in pixels.
        block: side of a block in pixels.
        rows, columns: the first pixel of each block; neighbours overlap by a quarter of a block or
            a little more, so that their number is whole.
    """

    size: tuple[int, int]
    block: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, size: tuple[int, int], block: int) -> Grid:
        rows, columns = (_starts(side, block) for side in size)
        return cls(size, block, rows, columns)

    def overlaps(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Pixels that a block shares with blocks that were laid before it, when rows are laid from
        the top, each from the left: at its top, left, bottom and right."""
        height, width = self.size
        top = self.rows[row - 1] + self.block - self.rows[row] if row else 0
        left = self.columns[column - 1] + self.block - self.columns[column] if column else 0
        last_row, last_column = row == len(self.rows) - 1, column == len(self.columns) - 1
        bottom = self.rows[row] + self.block - height if last_row and row else 0
        right = self.columns[column] + self.block - width if last_column and column else 0
        return top, left, bottom, right


def quilt(
    source: np.ndarray,
    size: tuple[int, int],
    seed: int = 0,
    block: int | None = None,
    closed: bool = False,
) -> np.ndarray:
    """A tile from blocks of a texture.

    Args:
        source: the texture, uint8 [H, W, 3].
        size: (height, width) of the tile in pixels; each at least two blocks less an overlap.
        seed: of the choice of blocks.
        block: side of a block in pixels; None: a quarter of the texture's short side.
        closed: whether the texture tiles, so that blocks may reach across its borders.

    Returns: uint8 [height, width, 3].
    """
    block = block or block_of(source, size)
    if closed:
        source = np.pad(source, [(0, block - 1), (0, block - 1), (0, 0)], mode="wrap")
    blocks = _Blocks(source, block, rng_of(seed, 3))
    grid = Grid.of(size, block)
    tile = np.zeros((*size, 3), np.float32)
    for row, top in enumerate(grid.rows):
        for column, left in enumerate(grid.columns):
            where = np.ix_((top + np.arange(block)) % size[0], (left + np.arange(block)) % size[1])
            overlaps = grid.overlaps(row, column)
            before = tile[where]
            chosen = blocks.choose(before, overlaps)
            tile[where] = np.where(_cuts(before, chosen, overlaps)[..., None], chosen, before)
    return tile.astype(np.uint8)


def block_of(source: np.ndarray, size: tuple[int, int]) -> int:
    """Side of a block: a quarter of the texture's short side, at most half of the tile's."""
    return max(8, min(min(source.shape[:2]) // SHARE, min(size) // 2))


class Quilts:
    """Draws tiles of textures by image quilting. The same seed gives the same tile."""

    def __init__(self, textures: Sequence[Texture]):
        self.textures = list(textures)
        self.names = [one.name for one in textures]

    def draw(
        self, size: tuple[int, int] = (512, 512), texture: str | int = 0, seed: int = 0
    ) -> np.ndarray:
        """One tile.

        Args:
            size: (height, width) in pixels, 64 to 4096.
            texture: which one, by name or place.
            seed: of the choice of its blocks.

        Returns: uint8 [height, width, 3].
        Raises: UsageError: a wrong size or an unknown texture.
        """
        check_size(size)
        source = self.textures[index_of(texture, self.names)]
        tile = quilt(source.pixels, size, seed, closed=source.closed)
        # Blocks begin at the border, which is therefore shifted at random.
        down, right = (int(n) for n in rng_of(seed, 4).integers(0, size))
        return np.roll(tile, (down, right), axis=(0, 1))

    def about(self, texture: str, seed: int) -> dict[str, str]:
        """Metadata of a tile: its origin, sufficient to draw it again."""
        from ... import __version__

        source = self.textures[self.names.index(texture)]
        return {"Software": f"ganvas {__version__}", "engine": "patch", "texture": texture,
                "texture_sha256": source.sha256, "seed": str(seed)}  # fmt: skip


def check_size(size: tuple[int, int]) -> None:
    """Raises: UsageError: a tile that is too small or too large."""
    if not LEAST <= min(size) <= max(size) <= LARGEST:
        raise UsageError(
            f"the sides of a tile must be {LEAST} to {LARGEST} pixels, got {size[0]}x{size[1]}"
        )


class _Blocks:
    """Chooses blocks of a texture that match what is there."""

    def __init__(self, source: np.ndarray, block: int, rng: np.random.Generator):
        self.source, self.block, self.rng = source.astype(np.float32), block, rng
        self.shape = [fft.next_fast_len(side, real=True) for side in source.shape[:2]]
        self.room = tuple(side - block + 1 for side in source.shape[:2])
        planes = np.moveaxis(self.source, 2, 0)
        self.waves = fft.rfft2(planes, self.shape)
        self.energy_waves = fft.rfft2((planes**2).sum(axis=0), self.shape)
        self.energies: dict[tuple[int, int, int, int], np.ndarray] = {}
        self.taken = np.zeros(self.room, np.float32)

    def choose(self, before: np.ndarray, overlaps: tuple[int, int, int, int]) -> np.ndarray:
        """A block float32 [block, block, 3]: one of those that differ least from `before` where it
        overlaps."""
        mismatch = self.mismatch(before, overlaps) * (1 + REUSE * self.taken)
        good = np.flatnonzero(mismatch <= (1 + TOLERANCE) * mismatch.min())
        top, left = np.unravel_index(self.rng.choice(good), self.room)
        reach = self.block // 2
        self.taken[max(0, top - reach) : top + reach, max(0, left - reach) : left + reach] += 1
        return self.source[top : top + self.block, left : left + self.block]

    def mismatch(self, before: np.ndarray, overlaps: tuple[int, int, int, int]) -> np.ndarray:
        """Mean squared difference of each block of the texture in the overlaps, at least `ENOUGH`
        of the median: float32 [H - block + 1, W - block + 1]."""
        known = _strips(self.block, overlaps)
        if not known.any():
            return np.ones(self.room, np.float32)
        if overlaps not in self.energies:
            waves = fft.rfft2(known.astype(np.float32), self.shape)
            self.energies[overlaps] = self._inverse(self.energy_waves * waves.conj())
        held = np.where(known[..., None], before, 0)
        waves = fft.rfft2(np.moveaxis(held, 2, 0), self.shape)
        product = self._inverse((self.waves * waves.conj()).sum(axis=0))
        total = self.energies[overlaps] - 2 * product + (held**2).sum()
        total = total / (3 * known.sum())
        return np.maximum(total, max(1.0, ENOUGH * float(np.median(total))))

    def _inverse(self, waves: np.ndarray) -> np.ndarray:
        return fft.irfft2(waves, self.shape)[: self.room[0], : self.room[1]]


def _starts(side: int, block: int) -> tuple[int, ...]:
    count = max(2, -(-side // (block - block // OVERLAP)))
    return tuple(round(i * side / count) for i in range(count))


def _strips(block: int, overlaps: tuple[int, int, int, int]) -> np.ndarray:
    """Where a block overlaps: bool [block, block]."""
    top, left, bottom, right = overlaps
    known = np.zeros((block, block), bool)
    known[:top], known[:, :left] = True, True
    known[block - bottom :], known[:, block - right :] = True, True
    return known


def _cuts(before: np.ndarray, after: np.ndarray, overlaps: tuple[int, int, int, int]) -> np.ndarray:
    """Where a new block is taken: bool [block, block]. In each overlap the border between the old
    and the new is the path of the least squared difference."""
    error = ((before - after) ** 2).sum(axis=2)
    new = np.ones(error.shape, bool)
    for number, depth in enumerate(overlaps):
        if depth:
            # Turned so that the overlap is on the left; the same turn back.
            turn = (-1, 0, 1, 2)[number]
            turned = np.rot90(error, -turn) if number != 0 else error.T
            side = _right_of_path(turned[:, :depth], turned.shape[1])
            new &= np.rot90(side, turn) if number != 0 else side.T
    return new


def _right_of_path(error: np.ndarray, width: int) -> np.ndarray:
    """The least path from the top of an overlap [n, depth] to its bottom, by dynamic programming:
    bool [n, width], true to the right of it."""
    rows, depth = error.shape
    cost = error.astype(np.float64)
    for i in range(1, rows):
        wide = np.pad(cost[i - 1], 1, constant_values=np.inf)
        cost[i] += np.minimum(np.minimum(wide[:-2], wide[1:-1]), wide[2:])
    path = np.empty(rows, int)
    path[-1] = cost[-1].argmin()
    for i in range(rows - 2, -1, -1):
        low, high = max(0, path[i + 1] - 1), min(depth, path[i + 1] + 2)
        path[i] = low + cost[i, low:high].argmin()
    return np.arange(width) >= path[:, None]
