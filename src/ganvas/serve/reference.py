"""What an export with drift detection holds beside the generator: features, and reference images.

`exporting/drift.py` writes it, and a server compares the images that it draws with it. No image is
stored: only features of generated images, and vectors drawn from the Gaussian of the real ones.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..base.arrays import open_npz
from ..base.files import read_object
from ..errors import ModelError
from ..features.litert import Features
from ..stats import energy
from ..storage import manifest

FEATURES, ARRAYS = "drift_features.tflite", "drift_reference.npz"
ALL, REAL, CLASS = "all", "real", "class_"
FEWEST, MOST = 50, 4096
"""Vectors of one reference."""
WIDEST, LARGEST = 16384, 2**26
"""Features of an image, and bytes of a file, that are believed."""


@dataclass(frozen=True)
class Reference:
    """The reference of a version.

    Attributes:
        features: images -> vectors.
        classes: vectors float32 [M, D] of images as exported, by class; ALL: as in training.
        real: vectors for the real images of the training, [R, D]; None: their features may not or
            could not be used.
        distance: energy distance of ALL from `real`.
    """

    features: Features
    classes: Mapping[str, np.ndarray]
    real: np.ndarray | None
    distance: float

    @classmethod
    def read(cls, folder: Path) -> Reference | None:
        """The reference of a version; None: it was exported without one.

        Raises: ModelError: it is damaged, or not what the manifest lists.
        """
        damaged = ModelError(f"{folder / ARRAYS} is damaged: export the model again with --drift")
        try:
            if not (folder / ARRAYS).exists():
                return None
            known = read_object(folder / manifest.NAME)["files"]
            for name in (FEATURES, ARRAYS):
                place = folder / name
                if place.stat().st_size > LARGEST or manifest.sha256(place) != known[name]:
                    raise damaged
            features = Features(folder / FEATURES, (folder / FEATURES).read_bytes())
            with open_npz(io.BytesIO((folder / ARRAYS).read_bytes())) as arrays:
                found = {name: _vectors(arrays[name], features.width) for name in arrays.files}
            real, whole = found.pop(REAL, None), found[ALL]
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise damaged from error
        away = float("nan") if real is None else energy.distance(whole, real)
        return cls(features, found, real, away)


def _vectors(array: np.ndarray, width: int) -> np.ndarray:
    """Raises: ValueError: these are no vectors of this width."""
    if array.ndim != 2 or not FEWEST <= len(array) <= MOST or not array.shape[1] == width <= WIDEST:
        raise ValueError(f"vectors of shape {list(array.shape)}")
    vectors = array.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError("vectors that are not finite")
    return vectors
