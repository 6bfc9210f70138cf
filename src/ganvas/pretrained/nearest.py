"""The pretrained pair whose training images are most like given images."""

from __future__ import annotations

import numpy as np

from ..features.extractors import extractor
from .cards import cards
from .pairs import bundled

IMAGES = 200
"""So many images tell how far a folder is from a pair."""


def reference(images: np.ndarray) -> np.ndarray:
    """The mean of the features `general` of images uint8 [N, H, W, C], float32 [1280]."""
    features, _ = extractor("general", images.shape[1:])(images)
    return features.mean(0)


def distances(images: np.ndarray) -> dict[str, float]:
    """The distance of images to each pair of the package, the nearest first.

    It is the Euclidean distance of mean features, divided by the typical distance of one of these
    images from their mean: below 1, the pair's images are as near as one's own.

    Shapes: uint8 [N, H, W, C], a few hundred.
    """
    features, _ = extractor("general", images.shape[1:])(images)
    mean = features.mean(0)
    spread = np.sqrt(np.square(features - mean).sum(1).mean())
    found = {}
    for name in cards():
        known = bundled(name, images.shape[1]).reference
        if known is not None:
            found[name] = float(np.linalg.norm(mean - known) / max(spread, 1e-6))
    return dict(sorted(found.items(), key=lambda one: one[1]))
