"""Near-copies: does the generator repeat images it was trained on, more than held-out ones?

For each fake the nearest of training and held-out images *together* is found, without knowing which
is which. The pair is the more suspicious, the closer that image is compared with the next ten, as
in `evaluation.copies`. If training images are more frequent at the top of that list, the generator
copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...evaluation import manifold
from ...evaluation.base import Sample
from ...evaluation.copies import AROUND, NEAR, nearest
from ...stats.exact import exposure
from ...stats.intervals import clopper_pearson
from .result import Result
from .risk import by_rank

LEFT_OUT = 0.5  # the ratio from which `remedies.Rejecting` keeps a fake


@dataclass(frozen=True)
class Pairs:
    """The nearest real image of each fake.

    Attributes:
        rows: in training and held-out images, one after the other, int64 [N].
        ratios: distance over the mean distance to the next ten, [N]; low is similar.
    """

    rows: np.ndarray
    ratios: np.ndarray


def in_pixels(fakes: np.ndarray, pool: np.ndarray) -> Pairs:
    """In pixels, at the best of nine shifts, mirrored or not: uint8 [N, h, w, C], [M, h, w, C];
    equal images of the pool count once."""
    own = different(pool)
    samples = Sample.of_pixels(fakes), Sample.of_pixels(pool[own])
    rows, distances = nearest(*samples, AROUND + 1, flips=True, thorough=True)
    return _pairs(own[rows], distances)


def different(images: np.ndarray) -> np.ndarray:
    """The first row of each different image: an image that occurs twelve times would be its own
    next ten, and its copies would not be detected."""
    seen: dict[bytes, int] = {}
    for row, image in enumerate(images):
        seen.setdefault(image.tobytes(), row)
    return np.array(list(seen.values()), np.int64)


def in_tones(fakes: np.ndarray, pool: np.ndarray) -> Pairs:
    """As `in_pixels`, of images whose grey levels are replaced by their ranks: gamma, brightness,
    contrast and white balance do not change these."""
    return in_pixels(ranked(fakes), ranked(pool))


def ranked(images: np.ndarray) -> np.ndarray:
    """uint8 [N, h, w, C] with each level replaced by the share of the image's pixels below it, for
    each channel alone; equal levels stay equal."""
    count = images.shape[1] * images.shape[2]
    levels = np.empty_like(images)
    for i, image in enumerate(images):
        for channel in range(images.shape[3]):
            plane = image[..., channel]
            held = np.bincount(plane.ravel(), minlength=256)
            middle = (np.cumsum(held) - (held + 1) / 2) * (255 / max(1, count - 1))
            levels[i, ..., channel] = np.rint(np.clip(middle, 0, 255)).astype(np.uint8)[plane]
    return levels


def in_features(fakes: np.ndarray, pool: np.ndarray) -> Pairs:
    """In features [N, D], [M, D], by Euclidean distance."""
    k = min(AROUND + 1, len(pool))
    rows, distances = np.empty((len(fakes), k), np.int64), np.empty((len(fakes), k))
    for part, squared in manifold.distances(fakes, pool):
        near = np.argpartition(squared, k - 1, axis=1)[:, :k]
        apart = np.sqrt(np.take_along_axis(squared, near, axis=1))
        order = np.argsort(apart, axis=1, kind="stable")
        rows[part] = np.take_along_axis(near, order, axis=1)
        distances[part] = np.take_along_axis(apart, order, axis=1)
    return _pairs(rows, distances)


def judge(
    pairs: Pairs,
    members: int,
    others: int,
    seed: int,
    where: str,
    people: np.ndarray | None = None,
    names: np.ndarray | None = None,
) -> Result:
    """The result for pairs with `members` training images and `others` held out, of these names;
    where people are named, people are counted in place of images."""
    best = np.full(members + others, np.inf)
    np.minimum.at(best, pairs.rows, pairs.ratios)
    member = np.arange(members + others) < members
    found = exposure(-best, member, seed, people)
    near = pairs.ratios <= NEAR
    copied = int((near & (pairs.rows < members)).sum())
    chance = (near & (pairs.rows >= members)).mean() * members / others
    unit = "images" if people is None else "people"
    meaning = (
        f"share of the generated images that nearly copy a training image in {where}; for "
        "comparison the share for held-out images, scaled to equal numbers"
    )
    statistic = (
        f"of the {found.top} {unit} closest to a generated image, {found.members} were trained on"
    )
    _, low, high = clopper_pearson(copied, len(near))
    left_out = float((pairs.ratios <= LEFT_OUT).mean())
    more = {"statistic": statistic, "left_out": left_out}
    more |= by_rank(-best, member, people, names)
    return Result(copied / len(near), low, high, float(chance), found.p, meaning, more=more)


def _pairs(rows: np.ndarray, distances: np.ndarray) -> Pairs:
    if distances.shape[1] < 2:  # a single image has no next ones
        return Pairs(rows[:, 0], np.ones(len(rows)))
    around = distances[:, 1:].mean(axis=1)
    ratios = distances[:, 0] / np.maximum(around, 1e-12)
    return Pairs(rows[:, 0], ratios)
