"""Signals of a run: numbers from generated images and from the discriminator's logits.

All are relative to real images in the same place, so that they have the same meaning for any data.
Needs no TensorFlow.
"""

from __future__ import annotations

import numpy as np

from ..images import to_float
from ..stats.energy import apart, mean_apart
from ..stats.ranking import above

SIDE = 16  # most pixels a side for distances between images
NEIGHBOURS = 5
DUPLICATE = 0.25  # of the distance from a real image to its nearest neighbour
EXTREME = 0.98  # of the range: a saturated pixel
FLAT = 0.1  # of the spread within a real image: a blank one


def of_pictures(
    fake: np.ndarray, real: np.ndarray, before: np.ndarray | None = None
) -> dict[str, float]:
    """Signals of generated images, compared with as many real ones: uint8 [N, H, W, C].

    Args:
        before: images of the same noise one tick ago.

    Returns: those of `of_vectors`, of pixels, and
        blank: share of fakes of a single colour, nearly.
        saturated: share of pixels at an end of the range, beyond that of real images.
        checkerboard: decades by which the pattern of every second pixel is stronger than in real
            images.
        drift: distance from the images one tick ago, over the distance between two of them.
    """
    x, y = vectors(fake), vectors(real)
    signals = of_vectors(x, y)
    spread = np.std(to_float(real), axis=(1, 2, 3))
    blank = np.std(to_float(fake), axis=(1, 2, 3)) < FLAT * np.median(spread)
    signals |= {
        "blank": float(blank.mean()),
        "saturated": _extreme(fake) - _extreme(real),
        "checkerboard": _lattice(fake) - _lattice(real),
    }
    if before is not None:
        moved = np.linalg.norm(x - vectors(before), axis=1).mean()
        fakes, reals = mean_apart(apart(x, x)), mean_apart(apart(y, y))
        signals["drift"] = float(moved / max(fakes, 0.01 * max(reals, 1e-6)))
    return signals


def of_vectors(fake: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Signals of generated images, compared with real ones, in any vectors [N, D]: of pixels, or
    features of a frozen network.

    Returns:
        distance: energy distance over the mean distance of real images; 0 is equal.
        diversity: mean distance between two fakes, over that between two real images.
        coverage: share of real images that have a fake among their nearest.
        duplicates: share of fakes that have a near-duplicate among the fakes.
    Source: energy distance: Szekely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.
    """
    within, among, across = apart(fake, fake), apart(real, real), apart(fake, real)
    fakes, reals = mean_apart(within), mean_apart(among)
    unit = max(reals, 1e-6)
    near = _nearest(within) < DUPLICATE * np.median(_nearest(among))
    return {
        "distance": float((2 * across.mean() - fakes - reals) / unit),
        "diversity": fakes / unit,
        "coverage": covered(across, among),
        "duplicates": float(near.mean()),
    }


def of_logits(
    real: np.ndarray, fake: np.ndarray, held: np.ndarray | None = None
) -> dict[str, float]:
    """Signals of the discriminator's logits, [N] each.

    Returns:
        separation: how often it ranks a real image above a fake; 1 is always, 0.5 is chance.
        contrast: distance between its mean logits, in standard deviations.
        memory: how often it ranks a training image above a held-out one; 0.5 is no memorisation.
    """
    both = np.concatenate([real, fake])
    signals = {
        "separation": above(real, fake),
        "contrast": float(abs(real.mean() - fake.mean()) / max(both.std(), 1e-12)),
    }
    if held is not None and len(held):
        signals["memory"] = above(real, held)
    return signals


def of_features(fake: np.ndarray, real: np.ndarray) -> float:
    """Mean distance between two fakes over that between two real images, in features [N, D] of the
    discriminator."""
    return float(mean_apart(apart(fake, fake)) / max(mean_apart(apart(real, real)), 1e-12))


def vectors(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> float32 [N, D] in [-1, 1], reduced by means of equal blocks."""
    count, height, width, channels = images.shape
    factor = -(-max(height, width) // SIDE)
    rows, columns = height // factor, width // factor
    cut = to_float(images[:, : rows * factor, : columns * factor])
    blocks = cut.reshape(count, rows, factor, columns, factor, channels)
    return blocks.mean(axis=(2, 4)).reshape(count, -1)


def covered(across: np.ndarray, among: np.ndarray) -> float:
    """Share of real images with a fake as near as their own neighbours. Naeem et al. 2020,
    arXiv:2002.09797, eq. 6."""
    rank = min(NEIGHBOURS, len(among) - 1)
    radius = np.sort(among, axis=1)[:, rank]  # the first is the image itself
    return float((across.min(0) <= radius).mean())


def _nearest(distances: np.ndarray) -> np.ndarray:
    others = distances + np.diag(np.full(len(distances), np.inf))
    return others.min(1)


def _extreme(images: np.ndarray) -> float:
    return float((np.abs(to_float(images)) > EXTREME).mean())


def _lattice(images: np.ndarray) -> float:
    """Decimal logarithm of the share of the power with a period of two pixels.

    Transposed convolutions cause it if stride and kernel do not match. Odena et al. 2016,
    doi:10.23915/distill.00003.
    """
    grey = to_float(images).mean(axis=3)
    height, width = (side // 2 * 2 for side in grey.shape[1:])
    grey = grey[:, :height, :width]
    spectrum = (np.abs(np.fft.rfft2(grey)) ** 2).mean(0)
    spectrum[0, 0] = 0
    high = spectrum[height // 2, :].sum() + spectrum[:, width // 2].sum()
    return float(np.log10((high + 1e-9) / (spectrum.sum() + 1e-6)))
