"""Masks of bad images, found by the names of their files; and the mask of a region of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ... import images as pictures
from ...errors import DataError
from .early import files


def check_masks(folder: Path, names: Sequence[str]) -> None:
    """Whether each image has its mask, of its size; only headers are read. Raises: DataError."""
    there = _by_name(folder)
    for name in names:
        image, mask = Path(name), _mask_of(Path(name), there, folder)
        one, other = pictures.probe(image), pictures.probe(mask)
        _check_size(mask, (other.height, other.width), (one.height, one.width))


def read_masks(folder: Path, names: Sequence[str], shape: tuple[int, int]) -> np.ndarray:
    """bool [N, H, W] for the bad images, by file name; NAME_mask counts as NAME.

    Raises: DataError: one is missing or of another size, or all are black.
    """
    there = _by_name(folder)
    masks, highest = [], 0
    for name in names:
        path = _mask_of(Path(name), there, folder)
        mask = pictures.read(path, channels=1)[..., 0]
        _check_size(path, mask.shape, shape)
        highest = max(highest, mask.max())
        masks.append(mask > 127)
    if not np.any(masks):
        raise DataError(
            f"the masks in {folder} are black (at most {highest}), but defective pixels must be "
            "above 127: invert or scale them"
        )
    return np.stack(masks)


def _by_name(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise DataError(f"the folder of masks {folder} does not exist: check the path")
    there: dict[str, list[Path]] = {}
    for path in files(folder):
        there.setdefault(path.stem.removesuffix("_mask"), []).append(path)
    return there


def _check_size(path: Path, got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if tuple(got[:2]) != tuple(wanted[:2]):
        raise DataError(
            f"{path} must have the {wanted[0]}×{wanted[1]} px of its image, got "
            f"{got[0]}×{got[1]} px: scale it"
        )


def _mask_of(image: Path, there: Mapping[str, list[Path]], folder: Path) -> Path:
    """The mask of the same name; of several, the one whose folder has the name of its folder."""
    if not image.is_file():
        raise DataError(f"{image} has no file name, but masks are found by it: give image files")
    found = there.get(image.stem.removesuffix("_mask"), [])
    if len(found) > 1:
        found = [path for path in found if path.parent.name == image.parent.name]
    if len(found) != 1:
        raise DataError(
            f"{folder} must have one mask for {image}, got {len(found) or 'none'}: name it "
            f"{image.stem}.png, white where the image is defective"
        )
    return found[0]
