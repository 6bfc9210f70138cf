"""Logos as they are learnt: one colour of ink, or several on paper; sorted by colour and kind."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ...data import Options
from ...data import load as load_images
from ...data.clusters import k_means, nearest, thumbnails
from ...errors import DataError, UsageError
from . import colour

FEWEST = 50
PER_GROUP = 60
GROUPS = 40
COMPONENTS = 16


class Marks:
    """A set of logos to learn from.

    Attributes:
        pixels: uint8 [N, S, S, C]; C is 1 (how much ink), or 3 (colours, laid over white).
        labels: words [N], "red/02": main colour and kind, or "03": kind alone.
        fingerprint: of the images and how they were brought in.
    """

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, fingerprint: str):
        self.pixels, self.labels, self.fingerprint = pixels, labels, fingerprint

    @property
    def coloured(self) -> bool:
        return self.pixels.shape[-1] == 3


def read_marks(data: Any, size: int = 32) -> Marks:
    """Logos from whatever `ganvas.data.load` takes, sorted by main colour and kind.

    Colour images are sorted by the main colour of their figure first (`colour.main_colours`),
    then, as grey ones are at once, into kinds: k-means on the principal components of their
    thumbnails, one kind per 60 images. A generator that is told colour and kind learns faster
    (Sage et al. 2018, arXiv:1712.04407), and can be asked for them.

    Raises: DataError: fewer than 50 images.
    """
    if not 16 <= size <= 128:
        raise UsageError(f"size {size}: logos are learnt at 16 to 128 pixels a side")
    options = Options(size=size, labels=False, holdout=0.0, fit="pad")
    source = load_images(data if not isinstance(data, os.PathLike) else os.fspath(data), options)
    if source.count < FEWEST:
        raise DataError(
            f"{source.count} image{'s' * (source.count > 1)} given, where logos are learnt from "
            f"{FEWEST} and more: give a larger collection"
        )
    pixels = _plain(source.pixels(source.rows))
    seeds = np.random.Generator(np.random.Philox(0))
    if pixels.shape[-1] == 1:
        kinds = _kinds(pixels, GROUPS, seeds)
        return Marks(pixels, np.array([f"{kind:02d}" for kind in kinds]), source.fingerprint)
    words, mains = list(colour.NAMED), colour.main_colours(pixels)
    labels = np.empty(len(pixels), "U16")
    for main in np.unique(mains):
        rows = np.flatnonzero(mains == main)
        kinds = _kinds(pixels[rows], GROUPS // 4, seeds)
        labels[rows] = [f"{words[main]}/{kind:02d}" for kind in kinds]
    return Marks(pixels, labels, source.fingerprint)


def _plain(pixels: np.ndarray) -> np.ndarray:
    """Without alpha: laid over white; a single channel, or grey on alpha, stays one channel."""
    if pixels.shape[-1] in (1, 3):
        return pixels
    alpha = pixels[..., -1:].astype(np.float64) / 255
    return np.rint(pixels[..., :-1] * alpha + 255 * (1 - alpha)).astype(np.uint8)


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
