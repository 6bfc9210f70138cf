"""Fine detail in pixels: blur removes it, noise adds to it. Features may see neither."""

from __future__ import annotations

import numpy as np

from ..stats.intervals import around
from .base import Comparison, Sample, Score, drawn, once, real_for_fake
from .copies import blurred

_PIECE = 1000  # images at a time


def detail(c: Comparison) -> Score:
    """Mean fine detail of the fakes over that of real images; 1 is equal.

    Of an image: the root mean square of what a (1, 2, 1) / 4 filter in both directions removes, in
    pixels reduced to at most 32 a side. The jackknife over single images.
    """
    c = drawn(c)
    if min(len(c.real), len(c.fake)) < 2:
        return Score(None, why="fewer than 2 images of one kind: give more")
    real, fake = fine(c.real), fine(c.fake)
    less = _less(real)
    if min(real.mean(), less.min()) <= 0:
        return Score(None, why="the real images have no fine detail to compare with")
    value = float(fake.mean() / real.mean())
    low, high = around(value, fake.mean() / less, _less(fake) / real.mean())
    reals = real_for_fake(c)
    floor = None
    if reals is not None and fine(reals.real).mean() > 0:
        floor = float(fine(reals.fake).mean() / fine(reals.real).mean())
    return Score(value, max(0.0, low), high, floor)


@once
def fine(sample: Sample) -> np.ndarray:
    """Of each image, [N]."""
    found = []
    for start in range(0, len(sample), _PIECE):
        x = sample.pixels[start : start + _PIECE].astype(np.float32) / np.float32(255)
        rest = x - blurred(x)
        found.append(np.sqrt(np.square(rest).mean(axis=(1, 2, 3), dtype=np.float64)))
    return np.concatenate(found)


def _less(values: np.ndarray) -> np.ndarray:
    """The mean without each value, [N]."""
    return (values.sum() - values) / (len(values) - 1)
