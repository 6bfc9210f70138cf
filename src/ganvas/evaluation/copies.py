"""Near-copies: of training images, and of each other.

The distance alone does not identify a copy: digits of one class or plain skies lie close together
anyway. So the distance is divided by the mean distance of the next ten images; a near-copy has a
ratio of at most 0.4. Of 3,000 MNIST test images none has such a ratio among 20,000 (or 2,500)
training images, and one among 500. All copies with noise of 8 grey levels or JPEG at quality 60
have one (at most 0.38); of copies shifted by a pixel, 89 % among 20,000.

Sixteen candidates are found in blurred and reduced pixels. Their distance is then computed in full
pixels, at the best of the nine shifts by up to one pixel.

Source: Carlini et al. 2023, arXiv:2301.13188, section 5.1, with the same division.
Differs: no patches; shifts; the nearest image itself is left out of the mean.
"""

from __future__ import annotations

import numpy as np

from ..stats.intervals import wilson
from . import manifold
from .base import Comparison, Sample, Score, drawn, once, real_for_fake

NEAR = 0.4
AROUND = 10
_CANDIDATES = 16
_LEFT_OUT = 2000  # most training images that are compared with the others
_TOGETHER = 3  # duplicates that count as one in their interval
_BLURS = 4  # passes of (1, 2, 1) / 4: a standard deviation of 1.4 pixels
_ENOUGH = 256  # numbers per image in the search for candidates
_PIECE = 1000  # images blurred at a time
_FEWEST_ROWS = 256  # images compared at a time: fewer make products slow
_ROWS = 100  # images compared in full pixels at a time


def nearest(
    fake: Sample, train: Sample, k: int, flips: bool = False, thorough: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k training images that are most similar to each fake.

    Args:
        flips: use the mirrored fake where it is nearer to a training image.
        thorough: search for candidates at all nine shifts too. This takes three times as long and
            misses no shifted copy among 20,000 MNIST images; the default misses a tenth.

    Returns: rows of `train`, int64 [N, k], and Euclidean distances of pixels in [0, 1], [N, k],
        ascending; k is at most the number of training images.
    """
    rows, distances = _nearest(fake.pixels, train.pixels, k, thorough=thorough)
    if flips:
        mirrored = np.ascontiguousarray(fake.pixels[:, :, ::-1])
        others, apart = _nearest(mirrored, train.pixels, k, thorough=thorough)
        nearer = apart[:, 0] < distances[:, 0]
        rows[nearer], distances[nearer] = others[nearer], apart[nearer]
    return rows, distances


def copies(images: Sample, train: Sample) -> np.ndarray:
    """Which images are near-copies of a training image, bool [N]."""
    different = np.array(_first_rows(train.pixels))
    pixels = train.pixels[different]
    _, distances = _nearest(images.pixels, pixels, AROUND + 1)
    beyond = distances[:, 1:]
    scale = beyond.mean(axis=1) if beyond.shape[1] else np.zeros(len(distances))
    return distances[:, 0] <= NEAR * scale


def near_copies(c: Comparison) -> Score:
    """Share of fakes that are near-copies of a training image; floor: the share of held-out images.

    Without held-out images, training images are compared with each other. Wilson's interval, of at
    most 10,000 random fakes. Equal training images count once.
    """
    wrong = _unlike(c.fake, c.train) or _few(c.fake)
    if c.train is None or not len(c.train) or wrong:
        return Score(None, why=wrong or "the training images are not known: give them by --data")
    fake, held = _found(c)
    return Score(_mean(fake), *wilson(fake.sum(), len(fake)), None if held is None else _mean(held))


def copies_among(train: Sample, most: int, seed: int = 0) -> np.ndarray | None:
    """Which of at most `most` random training images are near-copies of another one, bool [N].
    Equal images count once; None if there are too few others."""
    pixels = train.pixels[np.array(_first_rows(train.pixels))]
    if len(pixels) < AROUND + 2:
        return None
    order = np.random.default_rng([seed, 6]).permutation(len(pixels))
    pixels = pixels[order]
    _, distances = _nearest(pixels[:most], pixels, AROUND + 1, others=True)
    return distances[:, 0] <= NEAR * distances[:, 1:].mean(axis=1)


def copied(c: Comparison) -> bool | None:
    """Whether fakes copy training images more often than held-out images resemble them by chance.

    True if the low end of the interval is above the high end of the interval of held-out images.
    Few copies among few images are not significant: 1 % of 1,000 fakes needs about 750 held-out
    images. None if there are too few training images to decide.
    """
    score = near_copies(c)
    _, held = _found(c)
    if score.low is None or held is None:
        return None
    return score.low > wilson(held.sum(), len(held))[1]


def duplicates(c: Comparison) -> Score:
    """Share of fakes that have a near-duplicate among the other fakes.

    A near-duplicate is at most 0.4 times as far away as the ten nearest real images on average.
    Wilson's interval over a third as many images: duplicates occur in pairs and small groups, and
    their share was measured to vary 2 to 3 times as much as a share of single images.
    """
    c = drawn(c)
    wrong = _unlike(c.fake, c.real) or _few(c.fake) or _few(c.real)
    if wrong:
        return Score(None, why=wrong)
    found, reals = _repeated(c), real_for_fake(c)
    floor = None if reals is None else _mean(_repeated(reals))
    return Score(_mean(found), *wilson(found.sum() / _TOGETHER, len(found) / _TOGETHER), floor)


@once
def _found(c: Comparison) -> tuple[np.ndarray, np.ndarray | None]:
    """Which fakes, and which held-out images, are near-copies."""
    if c.train is None:
        return np.empty(0, bool), None
    fake = copies(drawn(c).fake, c.train)
    if c.held is None or not len(c.held):
        return fake, copies_among(c.train, _LEFT_OUT, c.seed)
    return fake, None if _unlike(c.held, c.train) else copies(c.held, c.train)


def _repeated(c: Comparison) -> np.ndarray:
    _, others = _nearest(c.fake.pixels, c.fake.pixels, 1, others=True)
    _, around = _nearest(c.fake.pixels, c.real.pixels, AROUND)
    return others[:, 0] <= NEAR * around.mean(axis=1)


def _nearest(
    x: np.ndarray, y: np.ndarray, k: int, others: bool = False, thorough: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of y and distances, [N, k]; `others` leaves out the image of the same row."""
    k = min(k, len(y) - others)
    tried = [coarse(shifted) for shifted in _shifts(x)] if thorough else [coarse(x)]
    count = min(max(k + 5, _CANDIDATES), len(y) - others)
    candidates = _candidates(tried, coarse(y), count, others)
    rows, distances = np.empty((len(x), k), np.int64), np.empty((len(x), k), np.float32)
    for start in range(0, len(x), _ROWS):
        part = slice(start, start + _ROWS)
        near = _shifted_distances(x[part], y[candidates[part]])
        order = np.argsort(near, axis=1, kind="stable")[:, :k]
        rows[part] = np.take_along_axis(candidates[part], order, axis=1)
        distances[part] = np.take_along_axis(near, order, axis=1)
    return rows, distances


def _candidates(tried: list[np.ndarray], y: np.ndarray, count: int, others: bool) -> np.ndarray:
    """The `count` rows of y [M, P] nearest to each image, in any of its forms [N, P], in any
    order."""
    lengths, images = np.einsum("ij,ij->i", y, y), len(tried[0])
    found = np.empty((images, count), np.int64)
    step = max(_FEWEST_ROWS, manifold.BLOCK // len(y))
    for start in range(0, images, step):
        part = slice(start, min(start + step, images))
        block = np.full((part.stop - start, len(y)), np.inf, np.float32)
        for x in tried:
            apart = (-2 * x[part]) @ y.T
            apart += np.einsum("ij,ij->i", x[part], x[part])[:, None]
            np.minimum(block, apart, out=block)
        block += lengths
        if others:
            here = np.arange(part.start, part.stop)
            block[here - part.start, here] = np.inf
        found[part] = np.argpartition(block, count - 1, axis=1)[:, :count]
    return found


def _shifts(x: np.ndarray) -> list[np.ndarray]:
    """Images [B, h, w, C], shifted by up to a pixel: nine arrays of the same shape."""
    height, width = x.shape[1:3]
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    return [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]


def _shifted_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Images [B, h, w, C] to candidates [B, K, h, w, C], at the best shift -> float32 [B, K]."""
    flat = y.reshape(*y.shape[:2], -1).astype(np.float32)
    shifts = np.stack(_shifts(x), axis=1).reshape(len(x), 9, -1).astype(np.float32)
    lengths = np.einsum("bkp,bkp->bk", flat, flat), np.einsum("bsp,bsp->bs", shifts, shifts)
    squared = lengths[0][:, :, None] + lengths[1][:, None]
    rounding = 1e-6 * squared
    squared -= 2 * (flat @ shifts.transpose(0, 2, 1))
    squared[squared < rounding] = 0  # equal images are at distance 0
    return np.sqrt(squared.min(axis=2)) / np.float32(255)


def coarse(pixels: np.ndarray) -> np.ndarray:
    """uint8 [N, h, w, C] -> float32 [N, P], blurred and halved until P is small."""
    pieces = []
    for start in range(0, len(pixels), _PIECE):
        x = pixels[start : start + _PIECE].astype(np.float32) / np.float32(255)
        while x[0].size > _ENOUGH and min(x.shape[1:3]) > 1:
            for _ in range(_BLURS):
                x = blurred(x)
            x = x[:, ::2, ::2]
        pieces.append(x.reshape(len(x), -1))
    return np.concatenate(pieces)


def blurred(x: np.ndarray) -> np.ndarray:
    """float32 [N, h, w, C] under the filter (1, 2, 1) / 4 in both directions."""
    return _blur(_blur(x, 1), 2)


def _blur(x: np.ndarray, axis: int) -> np.ndarray:
    wide = np.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(4)], mode="edge")
    before, here, after = (wide.take(range(i, i + x.shape[axis]), axis=axis) for i in range(3))
    return (before + 2 * here + after) / 4


def _first_rows(pixels: np.ndarray) -> list[int]:
    """The first row of each different image."""
    seen: dict[bytes, int] = {}
    for row, image in enumerate(pixels):
        seen.setdefault(image.tobytes(), row)
    return list(seen.values())


def _unlike(sample: Sample, other: Sample | None) -> str:
    if other is None or sample.pixels.shape[1:] == other.pixels.shape[1:]:
        return ""
    here, there = sample.pixels.shape[1:], other.pixels.shape[1:]
    return f"images of {here} and of {there} cannot be compared: give images of one size"


def _few(sample: Sample) -> str:
    return "" if len(sample) > 1 else f"{len(sample)} images are too few, 2 are needed: give more"


def _mean(found: np.ndarray) -> float:
    return float(found.mean())
