"""Images -> `Sample`: features, pixels, labels. Features of real images are cached on disk,
because they take longest."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import zipfile
from pathlib import Path

import numpy as np

from ..base.arrays import open_npz
from ..base.cache import cache_folder
from ..base.files import replacing
from ..data import Images
from ..errors import RunError
from ..features.base import Extractor
from ..features.extractors import choose, extractor
from ..images import refit
from .base import Sample

SIDE = 32
CHUNK = 1000


def extractor_for(source: Images, features: str | os.PathLike[str]) -> Extractor:
    """The extractor with this name or file, for images of this source; "auto": by the images."""
    if features == "auto":
        features = choose(source.pixels(source.rows[:300]))
    return extractor(features, source.shape)


def describe(images: np.ndarray, extractor: Extractor, labels: np.ndarray | None = None) -> Sample:
    """The sample of images uint8 [N, H, W, C] and labels int [N]."""
    features, probabilities = extractor(images)
    return Sample(features, shrink(images), probabilities, labels)


def describe_source(source: Images, extractor: Extractor, n: int, seed: int = 0) -> Sample:
    """The sample of n images of a source, chosen by the seed; of all if there are fewer."""
    rows = _rows(source, n, seed)
    labels = source.labels[rows] if source.names else None
    content = (source.fingerprint, extractor.sha256, extractor.resize)
    key = hashlib.sha256(repr(content).encode() + rows.tobytes()).hexdigest()[:32]
    cache = cache_folder()
    path = cache / "features" / f"{key}.npz" if cache else None
    cached = _read(path, len(rows)) if path else None
    images = [source.pixels(rows[i : i + CHUNK]) for i in range(0, len(rows), CHUNK)]
    if cached is None:
        cached = extractor(np.concatenate(images))
        if path:
            _store(path, *cached)
    return Sample(cached[0], np.concatenate([shrink(some) for some in images]), cached[1], labels)


def pixels_of(source: Images, n: int, seed: int = 0) -> Sample:
    """As `describe_source`, without features: for the search for copies."""
    rows = _rows(source, n, seed)
    pieces = [shrink(source.pixels(rows[i : i + CHUNK])) for i in range(0, len(rows), CHUNK)]
    return Sample(np.zeros((len(rows), 0), np.float32), np.concatenate(pieces))


def _rows(source: Images, n: int, seed: int) -> np.ndarray:
    chosen = np.random.default_rng([seed, 1]).permutation(source.count)[:n]
    return np.sort(source.rows[chosen])


def shrink(images: np.ndarray, side: int = SIDE) -> np.ndarray:
    """uint8 [N, H, W, C] reduced to at most `side` pixels a side: by means of equal blocks if
    they divide the sides, else by bicubic filtering."""
    height, width = images.shape[1:3]
    factor = math.ceil(max(height, width) / side)
    if factor == 1:
        return images
    size = max(1, height // factor), max(1, width // factor)
    if height % factor or width % factor:
        return np.stack([refit(image, size, images.shape[3], "crop") for image in images])
    blocks = images.reshape(len(images), size[0], factor, size[1], factor, images.shape[3])
    return np.rint(blocks.mean(axis=(2, 4), dtype=np.float32)).astype(np.uint8)


def _read(path: Path, count: int) -> tuple[np.ndarray, np.ndarray | None] | None:
    try:
        with open_npz(path) as arrays:
            features, probabilities = arrays["features"], arrays.get("probabilities")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return (features, probabilities) if len(features) == count else None


def _store(path: Path, features: np.ndarray, probabilities: np.ndarray | None) -> None:
    """Write the cache. A failure is not an error: features are computed again next time."""
    arrays = {"features": features}
    if probabilities is not None:
        arrays["probabilities"] = probabilities
    with contextlib.suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
