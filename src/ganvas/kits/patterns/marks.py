"""Logos for training: one colour of ink, or several on paper; sorted by colour and kind."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ...data import Images, Options, load as load_images
from ...data.groups import k_means, nearest, thumbnails
from ...errors import DataError, UsageError, no_such
from . import colour

FEWEST = 50
PER_GROUP = 60
GROUPS = 40
COMPONENTS = 16


class Marks:
    """A set of logos to train on.

    Attributes:
        pixels: uint8 [N, S, S, C]; C is 1 (how much ink), or 3 (colours, laid over white).
        labels: text [N], "red/02": main colour and kind, or "03": kind alone.
        fingerprint: of the images and the options they were read with.
        places: of a folder, the path of each image within it; else empty.
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, source: Images):
        self.pixels, self.labels = pixels, labels
        self.fingerprint = source.fingerprint
        self.places = [source.places[row] for row in source.rows] if source.places else []

    @property
    def coloured(self) -> bool:
        return self.pixels.shape[-1] == 3

    def chosen(self, kind: str) -> np.ndarray:
        """Which kinds, in their order, have this name or this main colour: bool.

        Raises: UsageError: none.
        """
        kinds = [str(name) for name in np.unique(self.labels)]
        fits = np.array([kind in (name, name.partition("/")[0]) for name in kinds])
        if not fits.any():
            mains = [name.partition("/")[0] for name in kinds]
            raise UsageError(no_such("kind", kind, {*kinds, *mains}))
        return fits

    def name(self, row: int) -> str:
        """Name of the image of this row: its file, else its number."""
        return self.places[row] if self.places else f"item {row}"


def read_marks(data: Any, size: int = 32) -> Marks:
    """Logos from whatever `ganvas.data.load` takes, sorted by main colour and kind.

    Colour images are sorted by the main colour of their figure first (`colour.main_colours`),
    then, as grey ones are at once, into kinds: k-means on the principal components of their
    thumbnails, one kind per 60 images. A generator with colour and kind as labels learns faster
    (Sage et al. 2018, arXiv:1712.04407), and draws the requested ones.

    Raises: DataError: fewer than 50 images.
    """
    if not 16 <= size <= 128:
        raise UsageError(f"size must be 16 to 128 pixels a side, got {size}")
    options = Options(size=size, labels=False, holdout=0.0, fit="paper")
    source = load_images(data if not isinstance(data, os.PathLike) else os.fspath(data), options)
    if source.count < FEWEST:
        raise DataError(
            f"at least {FEWEST} images of logos are needed, got {source.count}: give a larger "
            "collection"
        )
    pixels = _plain(source.pixels(source.rows))
    seeds = np.random.Generator(np.random.Philox(0))
    if pixels.shape[-1] == 1:
        kinds = _kinds(pixels, GROUPS, seeds)
        return Marks(pixels, np.array([f"{kind:02d}" for kind in kinds]), source)
    names, mains = list(colour.NAMED), colour.main_colours(pixels)
    labels = np.empty(len(pixels), "U16")
    for main in np.unique(mains):
        rows = np.flatnonzero(mains == main)
        kinds = _kinds(pixels[rows], GROUPS // 4, seeds)
        labels[rows] = [f"{names[main]}/{kind:02d}" for kind in kinds]
    return Marks(pixels, labels, source)


def _plain(pixels: np.ndarray) -> np.ndarray:
    """Colours laid over white, or how much ink there is: [N, S, S, 1 to 4] -> [N, S, S, 3 or 1].

    Grey is ink if borders are dark, and paper if they are light. If they are transparent, opaque
    pixels are ink, the more they differ from white (dark images) or black (light images).
    """
    if pixels.shape[-1] == 1:
        return 255 - pixels if _border(pixels) > 127 else pixels
    if pixels.shape[-1] == 3:
        return pixels
    seen, alpha = pixels[..., :-1].astype(np.float64), pixels[..., -1:] / 255
    if pixels.shape[-1] == 2 and _border(alpha) < 0.5:
        light = (seen * alpha).sum() > 127 * alpha.sum()
        return np.rint((seen if light else 255 - seen) * alpha).astype(np.uint8)
    over_white = np.rint(seen * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return over_white if over_white.shape[-1] == 3 else _plain(over_white)


def _border(planes: np.ndarray) -> float:
    """The median of all borders, [N, S, S, 1]."""
    lines = [planes[:, 0], planes[:, -1], planes[:, :, 0], planes[:, :, -1]]
    return float(np.median(np.concatenate([line.ravel() for line in lines])))


def _kinds(pixels: np.ndarray, most: int, seeds: np.random.Generator) -> np.ndarray:
    """A kind for each image, int [N]."""
    count = min(most, len(pixels) // PER_GROUP)
    if count < 2:
        return np.zeros(len(pixels), int)
    points = thumbnails(pixels)
    points = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(points.T @ points)
    points = points @ vectors[:, -COMPONENTS:]
    return nearest(points, k_means(points, count, seeds))
