"""Which composed marks are kept: none that is a near-copy, and those that are typical of a set."""

from __future__ import annotations

import numpy as np

from ....evaluation import Sample
from ....evaluation.base import Comparison, Score
from ....evaluation.copies import AROUND, NEAR, copies, nearest
from ....evaluation.manifold import distances, neighbours
from ....evaluation.scores import score
from ....features.extractors import extractor

FEWEST = 100
"""Drawings from which a network can say what is typical."""
MOST = 4000
"""Drawings whose features are computed."""
AMONG = 3
"""A mark is typical within the distance of a drawing to this neighbour of it."""
SCORES = ("precision", "recall", "coverage")


class Reference:
    """A set of drawings, with which marks are compared.

    One half of the set says what is typical; the other half, which no choice depends on, is the
    one against which marks are scored.

    Args:
        pictures: dark on light, uint8 [N, S, S, 1].
        seed: of the halves.
        judge: compute features, too; without them only pixels are compared.

    Attributes:
        judged: whether there are features.
    """

    def __init__(self, pictures: np.ndarray, seed: int = 0, judge: bool = True):
        self.pixels = _reduced(pictures)
        self.judged = judge and len(pictures) >= FEWEST
        rng = np.random.Generator(np.random.Philox([seed, 22]))
        self.rows = rng.permutation(len(pictures))[:MOST]
        if self.judged:
            self.extractor = extractor("general", pictures.shape[1:])
            self.features = self.extractor(pictures[self.rows])[0]
            half = len(self.rows) // 2
            self.typical_half = self._sample(slice(None, half))
            self.held = self._sample(slice(half, None))

    def features_of(self, pictures: np.ndarray) -> np.ndarray:
        """float32 [n, D]; of no columns if the set is not judged."""
        return self.extractor(pictures)[0] if self.judged else np.zeros((len(pictures), 0))

    def copied(self, pictures: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Which marks are near-copies of a drawing, by their pixels (`evaluation.copies`) or, by
        the same rule, in features: bool [n]."""
        found = copies(_reduced(pictures), self.pixels)
        if self.judged and len(pictures):
            for part, block in distances(features, self.features):
                near = np.sqrt(np.partition(block, AROUND, axis=1)[:, : AROUND + 1])
                near.sort(axis=1)
                found[part] |= near[:, 0] <= NEAR * near[:, 1:].mean(axis=1)
        return found

    def typical(self, features: np.ndarray) -> np.ndarray:
        """Which marks lie among the drawings of the first half: bool [n]; all without features."""
        if not self.judged:
            return np.ones(len(features), bool)
        radii = neighbours(self.typical_half).squared[:, AMONG - 1]
        found = np.zeros(len(features), bool)
        for part, block in distances(features, self.typical_half.features):
            found[part] = (block <= radii).any(axis=1)
        return found

    def nearest(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest drawing to each mark, and its distance in pixels in [0, 1]: [n], [n]."""
        rows, apart = nearest(_reduced(pictures), self.pixels, 1)
        return rows[:, 0], apart[:, 0]

    def scores(self, pictures: np.ndarray, features: np.ndarray, seed: int) -> dict[str, Score]:
        """Precision, recall and coverage of marks against the second half; none without
        features."""
        if not self.judged or len(pictures) < FEWEST:
            return {}
        fake = Sample(features.astype(np.float32), pictures)
        return score(Comparison(self.held, fake, seed=seed), SCORES)

    def _sample(self, part: slice) -> Sample:
        return Sample(self.features[part], self.pixels.pixels[self.rows[part]])


def _reduced(pictures: np.ndarray) -> Sample:
    """For `copies`, which compares pixels alone: at half size."""
    n, height, width, channels = pictures.shape
    cut = pictures.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))
    return Sample.of_pixels(np.rint(cut).astype(np.uint8))
