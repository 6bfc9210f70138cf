"""A region of interest: the part of an image that is inspected. The rest is replaced by one picture
that is the same in all images, so that no part of a score, and no defect there, depends on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ... import images as pictures
from ...base.arrays import open_npz
from ...base.files import replacing
from ...errors import DataError, UsageError

LEAST = 0.01
"""Of the pixels: a smaller region is taken for a mistake."""


class Roi:
    """Args: mask: bool [H, W], true where images are inspected; fill: uint8 [H, W, C]."""

    def __init__(self, mask: np.ndarray, fill: np.ndarray):
        self.mask, self.fill = mask, fill

    @classmethod
    def of(cls, mask: np.ndarray, good: np.ndarray) -> Roi:
        """Filled by the mean of good images, uint8 [N, H, W, C]."""
        sums = np.zeros(good.shape[1:])
        for one in good:
            sums += one
        return cls(mask, np.rint(sums / len(good)).astype(np.uint8))

    @classmethod
    def read(cls, path: Path) -> Roi:
        with open_npz(path) as arrays:
            return cls(arrays["mask"], arrays["fill"])

    def write(self, path: Path) -> None:
        with replacing(path) as file:
            np.savez_compressed(file, mask=self.mask, fill=self.fill)

    @property
    def share(self) -> float:
        return float(self.mask.mean())

    def inside(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, C] -> the same, filled outside of the region."""
        return np.where(self.mask[..., None], images, self.fill)


def read_roi(mask: Any, size: tuple[int, int]) -> np.ndarray:
    """bool [H, W] from a file (white: inspected) or an array.

    Raises: DataError: another size. UsageError: nothing is inspected, or everything is.
    """
    if isinstance(mask, (str, os.PathLike)):
        name, found = os.fspath(mask), pictures.read(Path(mask), channels=1)[..., 0] > 127
    else:
        name, found = "(an array)", np.asarray(mask, bool)
    if found.shape != tuple(size):
        raise DataError(_other(name, size, found.shape))
    if not LEAST <= found.mean() < 1:
        raise UsageError(
            f"the region of interest {name} must be white (above 127) in {LEAST:.0%} or more of "
            f"its pixels and black elsewhere, got {found.mean():.1%} white: invert or scale it"
        )
    return found


def check_roi(path: Path, size: tuple[int, int] | None) -> None:
    """The header of a mask alone. Raises: DataError: no image, or another size."""
    header = pictures.probe(path)
    if size is not None and (header.height, header.width) != size:
        raise DataError(_other(str(path), size, (header.height, header.width)))


def _other(name: str, size: tuple[int, ...], got: tuple[int, ...]) -> str:
    return (
        f"the region of interest {name} must have the {size[0]}×{size[1]} px of the images, got "
        f"{'×'.join(map(str, got))} px: scale it"
    )
