"""Adaptive discriminator augmentation: its probability follows the overfitting."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from ...base.types import Tensor
from .base import Augment, policy_names, split_alpha
from .warp import identity, rotation, scaling, shift, warp

POLICIES = ("blit", "geometry", "colour")
EVERY = 4
"""Turns between two changes of p."""


class ADA(Augment):
    """Each change has probability p, and p follows the overfitting of the discriminator.

    Over four turns r = mean of sign D(real). Above the target the discriminator has memorised the
    training images, and p rises; below, p falls. p rises from 0 to 1 within `kimg` at the fastest.
    It does not fit relativistic losses, whose logits have no zero.

    Differs: one bilinear warp at the image's own size, without the wavelet filter against
    aliasing; images that are not square are rotated by half turns only.

    Args:
        target: r at which p stays, -1 to 1.
        kimg: thousand images over which p can rise by 1; the paper has 500 for long runs.
        policy: which of "blit" (mirror, quarter turns, whole shifts), "geometry" (scale, turn,
            stretch, shift) and "colour" (brightness, contrast, inversion, hue, saturation),
            separated by commas.
        start: p at the first step, 0 to 1.

    Source: Karras et al. 2020, arXiv:2006.06676, section 3 and appendix B.
    """

    def __init__(
        self,
        target: float = 0.6,
        kimg: float = 100.0,
        policy: str = "blit,geometry,colour",
        start: float = 0.0,
    ) -> None:
        if not -1 < target < 1 or kimg <= 0 or not 0 <= start <= 1:
            raise ValueError(
                "target must be in (-1, 1), kimg > 0 and start in [0, 1], got "
                f"target {target}, kimg {kimg}, start {start}"
            )
        self.target = target
        self.kimg = kimg
        self.policy = policy_names(policy, POLICIES)
        # The mean over replicas equals the value of one replica with the whole batch.
        self.p, self.signs, self.turns = (
            keras.Variable(value, trainable=False, name=f"ada_{name}", aggregation="mean")
            for name, value in (("p", float(start)), ("signs", 0.0), ("turns", 0.0))
        )

    @property
    def variables(self) -> Tensor:
        return [self.p, self.signs, self.turns]

    @property
    def strength(self) -> Tensor:  # type: ignore[override]
        return self.p.value

    def __call__(self, images: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        count = tf.shape(images)[0]
        if self.policy != ["colour"]:
            draws = _Draws(count, seeds[0], self.p.value, gates=10, uniforms=6, normals=4)
            images = draws.applied(lambda x: warp(x, self.moves(x, draws), self.xla), images)
        if "colour" in self.policy:
            draws = _Draws(count, seeds[1], self.p.value, gates=5, uniforms=2, normals=3)
            images = draws.applied(lambda x: colour(draws, x), images)
        return images

    def moves(self, images: Tensor, draws: _Draws) -> Tensor:
        """The matrices of one warp, float32 [B, 2, 3]."""
        moves = identity(images)
        if "blit" in self.policy:
            moves = tf.matmul(moves, blit(draws, images.shape))
        if "geometry" in self.policy:
            moves = tf.matmul(moves, geometry(draws, images.shape))
        return moves[:, :2]

    def observe(self, real: Tensor, images: Tensor) -> None:
        images *= tf.distribute.get_strategy().num_replicas_in_sync
        self.turns.assign_add(1.0)
        self.signs.assign_add(tf.reduce_mean(tf.sign(real)))
        due = self.turns.value >= EVERY
        move = EVERY * tf.cast(images, tf.float32) / (1000 * self.kimg)
        move *= tf.sign(self.signs.value / EVERY - self.target)
        self.p.assign(tf.where(due, tf.clip_by_value(self.p.value + move, 0.0, 1.0), self.p.value))
        for counter in (self.signs, self.turns):
            counter.assign(tf.where(due, 0.0, counter.value))


class _Draws:
    """Random numbers, one per image in each row, with one operation for each kind; and which images
    are changed."""

    def __init__(
        self, count: Tensor, seed: Tensor, p: Tensor, *, gates: int, uniforms: int, normals: int
    ) -> None:
        seeds = tf.random.experimental.stateless_split(seed, 3)
        self.p = p
        chances = tf.random.stateless_uniform((gates, count), seeds[0], alg="philox")
        self._any = tf.reduce_any(chances < p)
        self._chances = iter(tf.unstack(chances))
        unit = tf.random.stateless_uniform((uniforms, count), seeds[1], alg="philox")
        self._uniforms = iter(tf.unstack(unit))
        normal = tf.random.stateless_normal((normals, count), seeds[2], alg="philox")
        self._normals = iter(tf.unstack(normal))

    def applied(self, change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """The changed images; without computation if no image is changed, as while p is 0."""
        return tf.cond(self._any, lambda: change(images), lambda: tf.identity(images))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        return low + (high - low) * next(self._uniforms)

    def normal(self, deviation: float) -> tf.Tensor:
        return deviation * next(self._normals)

    def whole(self, count: int) -> tf.Tensor:
        """0 to count - 1, as floats."""
        return tf.floor(self.uniform(0.0, count))

    def gate(self, change: tf.Tensor, p: tf.Tensor | None = None) -> tf.Tensor:
        """The change with probability p, which may be smaller than that of others, else 0."""
        return tf.where(next(self._chances) < (self.p if p is None else p), change, 0.0)


def blit(draws: _Draws, shape: tf.TensorShape) -> tf.Tensor:
    """Mirrors, quarter turns and shifts by whole pixels up to an eighth: without blur."""
    height, width = shape[1:3]
    flip = draws.gate(draws.whole(2))
    turns = draws.whole(4) if height == width else 2 * draws.whole(2)
    quarter = draws.gate(turns) * (math.pi / 2)
    x, y = (draws.gate(tf.round(draws.uniform(-side / 8, side / 8))) for side in (width, height))
    turned = tf.matmul(scaling(1 - 2 * flip, tf.ones_like(flip)), rotation(quarter))
    return tf.matmul(turned, shift(x, y))


def geometry(draws: _Draws, shape: tf.TensorShape) -> tf.Tensor:
    """Scale, free turns before and after a stretch along one axis, shifts by parts of pixels."""
    height, width = shape[1:3]
    scale = 2.0 ** draws.gate(draws.normal(0.2))
    half = 1 - tf.sqrt(1 - draws.p)  # of each of two rotations: together p
    before, after = (rotation(draws.gate(draws.uniform(-math.pi, math.pi), half)) for _ in range(2))
    stretch = 2.0 ** draws.gate(draws.normal(0.2))
    x, y = (draws.gate(draws.normal(side / 8)) for side in (width, height))
    moves = tf.matmul(scaling(scale, scale), before)
    moves = tf.matmul(moves, scaling(stretch, 1 / stretch))
    return tf.matmul(tf.matmul(moves, after), shift(x, y))


def colour(draws: _Draws, images: tf.Tensor) -> tf.Tensor:
    """Brightness, contrast, inversion of lightness, and for RGB hue and saturation; not alpha.

    All are linear: one product of each pixel with a matrix of its image.
    """
    colours, alpha = split_alpha(images)
    brightness = draws.gate(draws.normal(0.2))
    contrast = 2.0 ** draws.gate(draws.normal(0.5))
    inverted = 1 - 2 * draws.gate(draws.whole(2))
    if colours.shape[-1] == 1:
        matrix = (contrast * inverted)[:, None, None]
    else:
        hue = draws.gate(draws.uniform(-math.pi, math.pi))
        saturation = 2.0 ** draws.gate(draws.normal(1.0))
        matrix = contrast[:, None, None] * _about_grey(inverted, hue, saturation)
    brightness, matrix = (tf.cast(one, images.dtype) for one in (brightness, matrix))
    height, width, channels = colours.shape[1:]
    rows = tf.reshape(colours, (-1, height * width, channels)) + brightness[:, None, None]
    colours = tf.reshape(tf.matmul(rows, matrix), (-1, height, width, channels))
    return tf.concat([colours, alpha], axis=3) if alpha.shape[-1] else colours


def _about_grey(grey: tf.Tensor, hue: tf.Tensor, saturation: tf.Tensor) -> tf.Tensor:
    """[B] thrice -> [B, 3, 3]: scales an RGB pixel's grey, turns the rest about the grey axis and
    scales it."""
    cos, sin = saturation * tf.cos(hue), saturation * tf.sin(hue) / math.sqrt(3)
    mean = (grey - cos) / 3
    same, after, before = mean + cos, mean - sin, mean + sin
    rows = [[same, before, after], [after, same, before], [before, after, same]]
    return tf.stack([tf.stack(row, axis=1) for row in rows], axis=1)
