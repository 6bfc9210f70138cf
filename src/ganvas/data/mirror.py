"""Whether mirrored images are as likely as the images: then mirroring adds data, else it teaches
what does not occur, such as a heart on the right or a reversed letter."""

from __future__ import annotations

import numpy as np

from ganvas.data.base import Images
from ganvas.data.groups import pieces, thumbnails

FEWEST = 200
"""Images below which nothing is claimed."""
_SAMPLE = 1000
_PARTS = 5
_DEVIATIONS = 2.0


def mirrored_alike(images: Images) -> bool:
    """True if nothing tells the images from their mirror images; False below 200 images.

    A linear classifier of thumbnails gets each image and its mirror image, and has to say which is
    which, for images that it was not fitted on. If both are equally likely, it is right in half of
    the cases; more than two standard deviations above that count as a difference.

    Source: a test by a classifier: Lopez-Paz & Oquab 2017, arXiv:1610.06545; here on pairs, so that
    the answer for each is a fair coin if both are equally likely.
    """
    if len(images.rows) < FEWEST:
        return False
    rng = np.random.Generator(np.random.Philox(0))
    rows = np.sort(rng.permutation(images.rows)[:_SAMPLE])
    differences = np.concatenate([_differences(pixels) for _, pixels in pieces(images, rows)])
    share = right_share(differences, rng)
    return share <= 0.5 + _DEVIATIONS * 0.5 / len(rows) ** 0.5


def right_share(differences: np.ndarray, rng: np.random.Generator) -> float:
    """How often a ridge classifier without intercept, fitted on the others, gives a positive number
    for a row [N, D]."""
    count = len(differences)
    spread = np.maximum(differences.std(axis=0), 1e-6)
    scaled = differences / (spread * differences.shape[1] ** 0.5)
    products = scaled @ scaled.T
    order, right = rng.permutation(count), 0
    for number in range(_PARTS):
        held = order[number::_PARTS]
        others = np.setdiff1d(order, held)
        ridge = products[np.ix_(others, others)] + np.eye(len(others), dtype=products.dtype)
        weights = np.linalg.solve(ridge, np.ones(len(others), products.dtype))
        right += int((products[np.ix_(held, others)] @ weights > 0).sum())
    return right / count


def _differences(pixels: np.ndarray) -> np.ndarray:
    """Thumbnails of images minus those of their mirror images: [N, D]."""
    return thumbnails(pixels) - thumbnails(np.ascontiguousarray(pixels[:, :, ::-1]))
