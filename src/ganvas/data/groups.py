"""Groups of similar images, for images without labels: the group takes the label's place.

Source: Liu et al. 2020, "Diverse Image Generation via Self-Conditioned GANs", arXiv:2006.10728.
Differs: the groups are computed once, from features of a frozen network or from pixels, not
repeatedly from the discriminator's features; docs/decisions has the results.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.base.arrays import open_npz
from ganvas.base.files import replacing
from ganvas.data.base import Images
from ganvas.features.bundled import general
from ganvas.features.extractors import choose

BY = ("both", "features", "pixels")
FEWEST = 50
"""Images in a group."""
SEPARATE = 0.02
"""Least gap statistic of groups with features, for each doubling of their number."""
_SAMPLE = 20_000
_FEATURES_OF = 10_000  # images, each of 1,280 features, until these are reduced
_SIDE = 14
_INPUT = 96  # pixels; with 128, at twice the time, groups agree little better with classes
_COMPONENTS = 32
_ROUNDS = 20
_TRIES = 3
_GAP_OF = 5_000
_CHUNK_BYTES = 16 * 2**20
_CHUNK = 2_000  # images


def group(images: Images) -> None:
    """Label each image with its group, in place, and write into the report what groups there are;
    groups have numbers and no names.

    k-means on principal components, by `Options.group_by` of the features of EfficientNet-Lite0, of
    small thumbnails, or of both. With features, no group has under `FEWEST` images, and there are
    none where images do not fall into groups. Images that look like digits are always grouped by
    pixels, which suit them; the network has never seen any. The centres are computed without the
    held-out images, which then get a group, too. What a run has stored is read from its file.
    """
    options = images.options
    found = _stored(options.groups_file, len(images.labels)) if options.groups_file else None
    labels, facts = found or _grouped(images, min(options.clusters, images.count // FEWEST))
    if facts["count"]:
        images.labels[:] = labels
        images.classes = facts["count"]
        sizes = np.bincount(labels[images.rows], minlength=images.classes)
        facts = {**facts, "smallest": int(sizes.min()), "largest": int(sizes.max())}
    images.report = replace(images.report, groups=facts)


def save(images: Images, path: Path) -> None:
    """Store the groups of a run, because the last digits of features differ between machines, and
    an image may lie between two centres."""
    with replacing(path) as file:
        facts = np.array(json.dumps(images.report.groups))
        labels = images.labels[: len(images.labels) if images.classes else 0]
        np.savez_compressed(file, labels=labels.astype(np.int32), facts=facts)


def _stored(path: str, count: int) -> tuple[np.ndarray, dict[str, Any]] | None:
    """What `save` has stored of so many images; None if the file is missing or damaged."""
    try:
        with open_npz(Path(path)) as arrays:
            labels, facts = arrays["labels"], json.loads(str(arrays["facts"]))
        classes = int(facts["count"])
        none = not classes and isinstance(facts["why"], str)
        some = labels.shape == (count,) and labels.dtype == np.int32 and labels.min() >= 0
        if facts["by"] in BY and (none or (some and labels.max() < classes <= count)):
            return labels, facts
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        pass
    return None


def _grouped(images: Images, count: int) -> tuple[np.ndarray, dict[str, Any]]:
    """The group of each image, int32 [N], and facts of the report."""
    by = images.options.group_by
    none = np.zeros(len(images.labels), np.int32)
    if count < 2:
        few = images.count < 2 * FEWEST
        why = f"fewer than {2 * FEWEST} images to train on" if few else "data.clusters is below 2"
        return none, {"by": by, "count": 0, "why": why}
    if by != "pixels" and choose(images.pixels(images.rows[:300])) == "general":
        labels, centres, gap = by_features(images, count, by == "both")
        facts = {"by": by, "count": centres, "gap": round(gap, 3)}
        if gap >= SEPARATE:
            return labels, facts
        why = f"the images do not fall into groups (gap {gap:.3f}, needed {SEPARATE:g})"
        return none, {**facts, "count": 0, "why": why}
    labels, centres = by_pixels(images, count)
    return labels, {"by": "pixels", "count": centres}


def by_pixels(images: Images, count: int) -> tuple[np.ndarray, int]:
    """Groups by thumbnails: of each image, int32 [N], and how many there are."""
    rng = np.random.Generator(np.random.Philox(0))
    chosen = np.sort(rng.permutation(images.rows)[:_SAMPLE])
    parts = partial(_parts, image_bytes=int(np.prod(images.shape)))
    sample = np.concatenate([thumbnails(images.pixels(part)) for part in parts(chosen)])
    mean = sample.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(sample - mean, rowvar=False))
    vectors = vectors[:, -_COMPONENTS:].astype(np.float32)
    centres = k_means((sample - mean) @ vectors, count, rng)
    labels = np.empty(len(images.labels), np.int32)
    for part in parts(np.arange(len(labels))):
        labels[part] = nearest((thumbnails(images.pixels(part)) - mean) @ vectors, centres)
    return labels, len(centres)


def by_features(images: Images, count: int, pixels: bool = False) -> tuple[np.ndarray, int, float]:
    """Groups by features: of each image, int32 [N], how many there are, and their gap statistic.
    If it is below `SEPARATE`, images outside the sample have the group 0.

    Args:
        pixels: whether thumbnails count as much as the features.
    """
    rng = np.random.Generator(np.random.Philox(0))
    chosen = np.sort(rng.permutation(images.rows)[:_FEATURES_OF])
    describe = [_directions, thumbnails] if pixels else [_directions]
    described = [[f(some) for f in describe] for _, some in pieces(images, chosen)]
    axes, sample = [], []
    for kind in zip(*described, strict=True):
        axes.append(Axes(np.concatenate(kind)))
        sample.append(axes[-1](np.concatenate(kind)))
    joint = Axes(np.hstack(sample))
    points = joint(np.hstack(sample))
    centres = merged(points, k_means(points, count, rng))
    gap = gap_statistic(points, len(centres), rng)
    labels = np.zeros(len(images.labels), np.int32)
    labels[chosen] = nearest(points, centres)
    if gap >= SEPARATE:
        rest = np.setdiff1d(np.arange(len(labels)), chosen)
        for rows, some in pieces(images, rest):
            found = np.hstack([axis(f(some)) for axis, f in zip(axes, describe, strict=True)])
            labels[rows] = nearest(joint(found), centres)
    return labels, len(centres), gap


class Axes:
    """Principal components of a sample [N, D], scaled together so that the sample's points have a
    mean square of 1: what is measured in different units counts the same."""

    def __init__(self, sample: np.ndarray) -> None:
        self.mean = sample.mean(axis=0)
        centred = sample - self.mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(sample))
        scale = max(float(values[-_COMPONENTS:].sum()), 1e-12) ** 0.5
        self.vectors = (vectors[:, -_COMPONENTS:] / scale).astype(np.float32)

    def __call__(self, some: np.ndarray) -> np.ndarray:
        """[N, D] -> [N, at most 32]."""
        return (some - self.mean) @ self.vectors


def _directions(pixels: np.ndarray) -> np.ndarray:
    """Features of length 1, which make groups of more equal size: uint8 [N, H, W, C] -> [N, D]."""
    found, _ = general(_INPUT)(pixels)
    return found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-6)


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
        centres = _moved(points, centres)
    return centres


def merged(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Centres that each have at least `FEWEST` points, or one that has all: the smallest group is
    dissolved, its points go to the nearest others, and the centres move, until none is too small.
    """
    while len(centres) > 1:
        sizes = np.bincount(nearest(points, centres), minlength=len(centres))
        if sizes.min() >= FEWEST:
            break
        centres = _moved(points, np.delete(centres, sizes.argmin(), axis=0))
    return centres


def gap_statistic(points: np.ndarray, count: int, rng: np.random.Generator) -> float:
    """How much denser groups are than those of one Gaussian cloud of the same covariance, divided
    into as many: the logarithm of the ratio of the sums of squares within groups, for each doubling
    of their number, on which it depends little. About 0 where points form one cloud, at most 9.

    Args:
        points: in principal components, [N, D].

    Source: Tibshirani, Walther and Hastie 2001, "Estimating the number of clusters in a data set
        via the gap statistic"; the Gaussian reference as in Liu et al. 2008, "Statistical
        significance of clustering for high-dimension, low-sample size data".
    """
    if count < 2:
        return 0.0
    points = points[rng.permutation(len(points))[:_GAP_OF]]
    clouds = [rng.normal(size=points.shape).astype(np.float32) * points.std(0) for _ in range(2)]
    own, *theirs = (
        min(_within(some, k_means(some, count, rng)) for _ in range(_TRIES))
        for some in (points, *clouds)
    )
    cloud = sum(theirs) / len(theirs)
    return min(9.0, float(np.log(cloud / max(own, 1e-9 * cloud)) / np.log2(count)))


def nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number of the nearest centre: [N, D], [K, D] -> int32 [N]."""
    return np.argmin((centres**2).sum(axis=1) - 2 * points @ centres.T, axis=1).astype(np.int32)


def _moved(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Each centre moved to the mean of its points, as a round of Lloyd's algorithm."""
    found = nearest(points, centres)
    members = [points[found == i] for i in range(len(centres))]
    return np.stack(
        [m.mean(axis=0) if len(m) else c for m, c in zip(members, centres, strict=True)]
    )


def _within(points: np.ndarray, centres: np.ndarray) -> float:
    """The sum of squares within groups."""
    return float(((points - centres[nearest(points, centres)]) ** 2).sum(dtype=np.float64))


def pieces(images: Images, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows and their pixels, uint8 [<=2000, H, W, C]."""
    for part in _parts(rows, int(np.prod(images.shape))):
        for few in np.split(part, range(_CHUNK, len(part), _CHUNK)):
            yield few, images.pixels(few)


def _parts(rows: np.ndarray, image_bytes: int) -> list[np.ndarray]:
    count = max(1, _CHUNK_BYTES // image_bytes)
    return [rows[i : i + count] for i in range(0, len(rows), count)]
