"""Textures as files, and their crops, on which a generator is trained."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ... import images as pictures
from ...base.names import short
from ...errors import DataError, UsageError, no_such
from .measure import seams

SIDE = 64
"""Side of a crop in pixels: the input of the discriminator."""
CROPS = 4096
SCALE = 256


class Texture:
    """A texture and its origin.

    Attributes:
        name: of the file, without its suffix, with characters that file names may have.
        path: the file.
        pixels: uint8 [H, W, 3], at the size of training.
        sha256: of the file.
        closed: whether it tiles already, so that crops may reach across its borders.
        low, high: the 0.5th and 99.5th percentile of each channel, float64 [3]. Crops have full
            contrast, see `stretched`; `Tiles` restores the original one.
    """

    def __init__(self, path: Path, pixels: np.ndarray, sha256: str):
        plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in path.stem)
        self.name = short(plain) or "texture"
        self.path, self.pixels, self.sha256 = path, pixels, sha256
        self.closed = seams(pixels).within
        self.low, self.high = np.percentile(pixels.reshape(-1, 3), [0.5, 99.5], axis=0)
        self.high = np.maximum(self.high, self.low + 8)  # noise alone is not stretched

    def stretched(self, pixels: np.ndarray | None = None) -> np.ndarray:
        """Each channel from low..high to 0..255, of the texture or of a tile of it: uint8
        [H, W, 3]."""
        wide = 255 * ((self.pixels if pixels is None else pixels) - self.low)
        wide = wide / (self.high - self.low)
        return np.rint(np.clip(wide, 0, 255)).astype(np.uint8)


def read_textures(
    paths: Sequence[Path], scale: int | None = None, most: int = SCALE
) -> list[Texture]:
    """Textures from image files, and from folders of them; equal images count once.

    Args:
        scale: length of the short side in pixels after resizing; None: at most `most`.

    Raises: DataError: no images, more than 64, one that is too small or of a single colour.
    """
    files: dict[str, Path] = {}
    for path in paths:
        for file in [path] if not path.is_dir() else _inside(path):
            files.setdefault(_digest(file), file)
    if not 1 <= len(files) <= 64:
        raise DataError(f"1 to 64 textures are accepted, got {len(files)}: choose some of them")
    every = [_texture(file, digest, scale, most) for digest, file in files.items()]
    found = list({one.pixels.tobytes(): one for one in reversed(every)}.values())[::-1]
    taken: set[str] = set()
    for i, one in enumerate(found):
        while one.name.casefold() in taken:
            one.name += f"-{i}"
        taken.add(one.name.casefold())
    return found


def index_of(texture: str | int, names: Sequence[str]) -> int:
    """The place of a texture. Raises: UsageError: there is none of that name."""
    if isinstance(texture, str):
        if texture not in names:
            raise UsageError(no_such("texture", texture, names))
        return names.index(texture)
    if not 0 <= texture < len(names):
        raise UsageError(f"texture must be 0 to {len(names) - 1}, got {texture}")
    return texture


def crops(
    textures: Sequence[Texture], seed: int = 0, quilts: Sequence[np.ndarray] = (), side: int = SIDE
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Random crops, 4,096 in all (at least 256 of each texture): uint8 [N, side, side, 3]; with
    several textures (images, names [N]). Of full contrast.

    Args:
        quilts: a tile of each texture, laid from its blocks: half of the crops are cut from it.
        side: of a crop in pixels.
    """
    each = max(256, CROPS // len(textures))
    rng = np.random.Generator(np.random.Philox(seed))
    parts = []
    for number, one in enumerate(textures):
        own = each // 2 if quilts else each
        parts.append(cut_from(one.stretched(), own, side, rng, one.closed))
        if quilts:
            laid = one.stretched(quilts[number])
            parts.append(cut_from(laid, each - own, side, rng, closed=True))
    cut = np.concatenate(parts)
    if len(textures) == 1:
        return cut
    # Numbers in front keep the order of the textures, whatever their names.
    return cut, np.repeat([f"{i:02d} {one.name}" for i, one in enumerate(textures)], each)


def cut_from(
    pixels: np.ndarray, count: int, side: int, rng: np.random.Generator, closed: bool
) -> np.ndarray:
    """Crops [count, side, side, 3] of one texture; where it is closed, of its endless tiling."""
    height, width = pixels.shape[:2]
    if closed:
        pixels = np.pad(pixels, [(0, side - 1), (0, side - 1), (0, 0)], mode="wrap")
    room = (height, width) if closed else (height - side + 1, width - side + 1)
    rows, columns = (rng.integers(0, most, count) for most in room)
    return np.stack(
        [pixels[r : r + side, c : c + side] for r, c in zip(rows, columns, strict=True)]
    )


def _inside(folder: Path) -> list[Path]:
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and pictures.is_image(p))
    except OSError as error:
        raise DataError(f"cannot read {folder} ({error.strerror}): give image files") from error
    files = [file for file in files if not file.name.startswith(".")]
    if not files:
        raise DataError(f"{folder} contains no images: give PNG, JPEG ... files of textures")
    return files


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"cannot read {file} ({error.strerror}): give image files, or a folder of them"
        ) from error


def _texture(file: Path, digest: str, scale: int | None, most: int) -> Texture:
    head = pictures.probe(file)
    short = min(head.height, head.width)
    if scale is not None and not SIDE <= scale <= 4096:
        raise UsageError(f"scale must be {SIDE} to 4096 pixels (the short side), got {scale}")
    target = min(short, most) if scale is None else scale
    if short < SIDE:
        raise DataError(
            f"{file} must have at least {SIDE} × {SIDE} pixels, the size of a crop, got "
            f"{head.height} × {head.width}: give a larger texture"
        )
    factor = target / short
    size = (math.floor(head.height * factor), math.floor(head.width * factor))
    levels = pictures.levels_of(pictures.extent(file)) if head.wide else "full"
    pixels = pictures.read(file, size, 3, levels=levels)
    if pixels.reshape(-1, 3).std(axis=0).max() < 1:
        raise DataError(f"{file} has a single colour, so it tiles already: give a texture")
    return Texture(file, pixels, digest)
