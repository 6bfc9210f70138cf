"""The real images that fakes are compared with: during training, before an export, in a search."""

from __future__ import annotations

import functools

import numpy as np

from ..data import Images
from ..stats.intervals import wilson
from .base import FEWEST_HELD, HELD_OUT, MOST, TRAINING, Sample
from .copies import copies, copies_among
from .frechet import PER_DIMENSION, Moments, frechet_distance
from .kernel import mmd2
from .samples import describe_source, extractor_for, pixels_of, shrink

AMONG = 1000
"""Most training images that are compared with each other."""


def reference_images(source: Images) -> tuple[Images, str]:
    """The images that generators are scored against, and their name: the held-out images, or the
    training images if fewer than FEWEST_HELD are held out."""
    held = source.held_out()
    if held is None or held.count < FEWEST_HELD:
        return source, TRAINING
    return held, HELD_OUT


class Reference:
    """Features of real images, and the distance of fakes from them.

    Args:
        source: the images of a run.
        features: see `extractor_for`.
        most: maximum number of real images.

    Attributes:
        name: "held-out images" or "training images".
        real: `Sample` of the real images.
    """

    def __init__(self, source: Images, features: str, most: int):
        self.extractor = extractor_for(source, features)
        self.images, self.name = reference_images(source)
        self.real = describe_source(self.images, self.extractor, most)

    @functools.cached_property
    def moments(self) -> Moments:
        """Of the real images, for the Fréchet distance."""
        return Moments.of(self.real.features)

    def enough_for_frechet(self, fakes: int) -> bool:
        """Whether there are enough images for the Fréchet distance; if not, use KID."""
        return min(len(self.real), fakes) >= PER_DIMENSION * self.extractor.width

    def distances(self, features: np.ndarray, frechet: bool = True) -> dict[str, float]:
        """KID of features [N, D], and the Fréchet distance, which takes longer; lower is better."""
        found = {"frechet": frechet_distance(Moments.of(features), self.moments)} if frechet else {}
        return {**found, "kid": mmd2(features, self.real.features)}


class CopyCheck:
    """Near-copies of training images among fakes, where a generator is selected by its distance
    from the images that it learns from: without it, the best generator would be one that copies.

    Attributes:
        allowed: the high end of the interval of the share of training images that are near-copies
            of another one; 1 if there are too few to say. A generator with more copies them.
    """

    def __init__(self, source: Images):
        self.train = pixels_of(source, MOST)
        among = copies_among(self.train, AMONG)
        high = 1.0 if among is None else wilson(among.sum(), len(among))[1]
        self.allowed = round(high, 4)

    def share(self, fakes: np.ndarray) -> float:
        """Of near-copies among fakes, uint8 [N, H, W, C]."""
        return float(copies(Sample.of_pixels(shrink(fakes)), self.train).mean())
