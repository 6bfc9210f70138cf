"""The arms of pixels: each a sequence of labelled images, equally long, for one epoch.

real              images at their natural frequency: a rare class seldom
class weights     the same images, the loss of each class weighted by one over its share
oversampling      each class equally often, rare images repeatedly
classical         oversampling, each draw rotated, shifted, zoomed and changed in contrast
gan               oversampling, a share of the rare draws synthetic
classical + gan   the same, each draw changed as in `classical`
placebo           the last two with blurred and shuffled real images in place of synthetic ones
synthetic only    each class equally often, all draws synthetic (Ravuri and Vinyals 2019,
                  arXiv:1905.10887, call the score of this CAS)

So steps, batch and, from oversampling on, the balance of classes are the same for all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ...data.augment import warp
from .parts import Part
from .plan import GAN_ARMS, PLACEBO, SYNTHETIC, Plan

MIXED = (*GAN_ARMS, *PLACEBO.values())
TURN = 12.0  # degrees
SHIFT = 0.08  # of the side
ZOOM = 0.1
CONTRAST = 0.15
_PIECE = 4096  # images at a time, or fewer where they are large
_PIECE_BYTES = 2**26


class Draws(NamedTuple):
    """uint8 [D, H, W, C], int64 [D], and weights of the loss, float32 [D]."""

    images: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def draws(
    arm: str, ratio: float, real: Part, fake: dict[int, np.ndarray], plan: Plan, seed: int
) -> Draws:
    """The training images of an arm.

    Args:
        ratio: synthetic images per real one, in draws of a class that has synthetic ones.
        real: the training fold.
        fake: class -> its synthetic images, uint8 [M, H, W, C]; of rare classes only, but for
            `synthetic only`.
    """
    count = plan.steps * plan.batch
    rng = np.random.Generator(np.random.Philox([plan.seed, seed, 21]))
    sizes = np.bincount(real.labels)  # no class is empty: `gather` refuses that
    classes = len(sizes)
    weights = np.ones(count, np.float32)
    if arm in ("real", "class weights"):
        rows = epochs(len(real), count, rng)
        labels = real.labels[rows]
        if arm == "class weights":
            weights = (len(real) / (classes * sizes))[labels].astype(np.float32)
        return Draws(real.images[rows], labels, weights)
    labels = epochs(classes, count, rng)
    images = np.empty((count, *real.images.shape[1:]), np.uint8)
    for c in range(classes):
        places = np.flatnonzero(labels == c)
        own = np.flatnonzero(real.labels == c)
        images[places] = real.images[own[epochs(len(own), len(places), rng)]]
        if arm == SYNTHETIC or (arm in MIXED and c in fake):
            share = 1.0 if arm == SYNTHETIC else ratio / (1 + ratio)
            mixed = places[rng.random(len(places)) < share]
            images[mixed] = fake[c][epochs(len(fake[c]), len(mixed), rng)]
    if arm.startswith("classical"):
        images = changed(images, rng, plan.flip)
    return Draws(images, labels, weights)


def epochs(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` numbers from 0 to size - 1 in random orders, each once per epoch."""
    turns = -(-count // size)
    return np.concatenate([rng.permutation(size) for _ in range(max(1, turns))])[:count]


def changed(images: np.ndarray, rng: np.random.Generator, flip: bool = False) -> np.ndarray:
    """Classical augmentation: uint8 [N, H, W, C] -> the same, each rotated by up to 12 degrees,
    shifted by up to 8 %, zoomed by up to 10 %, its contrast (not its alpha) changed by up to 15 %.
    """
    found = np.empty_like(images)
    size = max(1, min(_PIECE, _PIECE_BYTES // int(np.prod(images.shape[1:]))))
    colours = images.shape[3] - (images.shape[3] in (2, 4))
    for start in range(0, len(images), size):
        piece = images[start : start + size]
        moved = _moved(piece, rng, flip)
        factor = 1 + CONTRAST * rng.uniform(-1, 1, (len(piece), 1, 1, 1))
        lit = moved[..., :colours]
        mean = lit.mean(axis=(1, 2, 3), keepdims=True)
        relit = np.concatenate([mean + (lit - mean) * factor, moved[..., colours:]], axis=3)
        found[start : start + len(piece)] = np.clip(np.rint(relit), 0, 255)
    return found


def _moved(images: np.ndarray, rng: np.random.Generator, flip: bool) -> np.ndarray:
    count, height, width = images.shape[:3]
    angle = np.deg2rad(TURN) * rng.uniform(-1, 1, count)
    scale = 1 + ZOOM * rng.uniform(-1, 1, count)
    mirror = np.where(rng.random(count) < 0.5, -1.0, 1.0) if flip else np.ones(count)
    a, b = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = (width - 1) / 2, (height - 1) / 2
    left, top = (SHIFT * side * rng.uniform(-1, 1, count) for side in (width, height))
    across = a * mirror
    # The rotation leaves the middle, (x, y), where it is.
    matrix = [across, -b, x - across * x + b * y + left,
              b * mirror, a, y - b * mirror * x - a * y + top]  # fmt: skip
    return warp(tf.constant(images, tf.float32), matrix, "NEAREST").numpy()
