"""Groups of similar images, for images without labels: training with the group as label is several
times faster than without.

Source: Liu et al. 2020, "Diverse Image Generation via Self-Conditioned GANs", arXiv:2006.10728.
Differs: the groups are computed once, from pixels, not repeatedly from the discriminator's
features; docs/decisions has the results.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ganvas.data.base import Images

_SAMPLE = 20_000
_SIDE = 14
_COMPONENTS = 32
_ROUNDS = 20
_PER_GROUP = 50
_CHUNK_BYTES = 16 * 2**20


def cluster(images: Images, count: int) -> None:
    """Label each image with its group, in place; groups have numbers and no names.

    k-means on the principal components of small thumbnails. The centres are computed without the
    held-out images, which then get a group, too.

    Args:
        count: number of groups; fewer if a group would have under 50 images, none below 2.
    """
    count = min(count, images.count // _PER_GROUP)
    if count < 2:
        return
    rng = np.random.Generator(np.random.Philox(0))
    chosen = np.sort(rng.permutation(images.rows)[:_SAMPLE])
    parts = partial(_parts, image_bytes=int(np.prod(images.shape)))
    sample = np.concatenate([thumbnails(images.pixels(part)) for part in parts(chosen)])
    mean = sample.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(sample - mean, rowvar=False))
    vectors = vectors[:, -_COMPONENTS:].astype(np.float32)
    centres = k_means((sample - mean) @ vectors, count, rng)
    for part in parts(np.arange(len(images.labels))):
        images.labels[part] = nearest((thumbnails(images.pixels(part)) - mean) @ vectors, centres)
    images.classes = len(centres)


def thumbnails(pixels: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> float32 [N, D]: the means of squares, about 14 per side."""
    count, height, width, channels = pixels.shape
    square = max(1, round(min(height, width) / _SIDE))
    rows, columns = height // square, width // square
    cut = pixels[:, : rows * square, : columns * square].astype(np.float32) / 255
    squares = cut.reshape(count, rows, square, columns, square, channels)
    return squares.mean(axis=(2, 4)).reshape(count, -1)


def k_means(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Centres [count, D] of points [N, D], by Lloyd's algorithm from k-means++ seeds; fewer if
    there are fewer distinct points.

    Source: Arthur & Vassilvitskii 2007, "k-means++: the advantages of careful seeding".
    """
    centres = points[rng.integers(len(points))][None]
    distance = ((points - centres[0]) ** 2).sum(axis=1)
    same = 1e-8 * (points**2).sum(axis=1).mean()  # the distance of equal images, by rounding
    while len(centres) < count and (distance > same).any():
        far = points[rng.choice(len(points), p=distance / distance.sum())]
        centres = np.vstack([centres, far])
        distance = np.minimum(distance, ((points - far) ** 2).sum(axis=1))
    for _ in range(_ROUNDS):
        group = nearest(points, centres)
        members = [points[group == i] for i in range(len(centres))]
        centres = np.stack(
            [m.mean(axis=0) if len(m) else c for m, c in zip(members, centres, strict=True)]
        )
    return centres


def nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number of the nearest centre: [N, D], [K, D] -> int32 [N]."""
    return np.argmin((centres**2).sum(axis=1) - 2 * points @ centres.T, axis=1).astype(np.int32)


def _parts(rows: np.ndarray, image_bytes: int) -> list[np.ndarray]:
    count = max(1, _CHUNK_BYTES // image_bytes)
    return [rows[i : i + count] for i in range(0, len(rows), count)]
