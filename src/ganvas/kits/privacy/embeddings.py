"""Embeddings of images, cached by their content: a second audit does not compute them again."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile

import numpy as np

from ...base.arrays import open_npz
from ...base.cache import cache_folder
from ...base.files import replacing
from ...errors import RunError
from ...features.base import Extractor


def embedded(embed: Extractor, images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> float32 [N, D]."""
    content = hashlib.sha256(repr((embed.sha256, embed.resize, images.shape)).encode())
    content.update(images.tobytes())
    cache = cache_folder()
    if cache is None:
        return embed(images)[0]
    path = cache / "embeddings" / f"{content.hexdigest()[:32]}.npz"
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with open_npz(path) as arrays:
            kept = arrays["embeddings"]
        if len(kept) == len(images):
            return kept
    found = embed(images)[0]
    # A failure is not an error: they are computed again next time.
    with contextlib.suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.savez(file, embeddings=found)
    return found
