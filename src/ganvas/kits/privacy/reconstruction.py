"""Reconstruction and inversion: an attacker who has a part of a photograph, or a blurred one, looks
for the rest in the generator.

Of each image the lower half is hidden, or its details are. The generator, or its images, are
searched for what fits the visible part; the image that is found fills in the rest. The error there,
compared with that of the average fake, should be as large for training images as for held-out ones.

Source: Fredrikson et al. 2015, doi:10.1145/2810103.2813677 (inversion by gradients); Carlini et al.
    2023, arXiv:2301.13188, section 5.3 (inpainting attack). Differs: on a GAN's noise; the control
    are held-out images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ...images import to_float
from .case import Case
from .search import nearest_images

_BLURS = 8  # pixels on a side of the blurred image that the attacker has
_PIECE = 500


def from_fakes(case: Case, small: np.ndarray) -> np.ndarray:
    """Black box: the fake nearest in the visible half fills in the hidden half.

    Shapes: uint8 [Q, h, w, C] -> suspicion [Q], the negative relative error.
    """
    queries, fakes = to_float(small), to_float(case.small)
    cut = queries.shape[1] // 2
    seen, other = (x[:, :cut].reshape(len(x), -1) for x in (queries, fakes))
    rows = [_nearest(seen[i : i + _PIECE], other) for i in range(0, len(seen), _PIECE)]
    return -_error(queries, fakes[np.concatenate(rows)], fakes, cut)


def masked(case: Case, small: np.ndarray, images: np.ndarray, steps: int) -> np.ndarray:
    """White box: gradients of the noise, from a photograph whose lower half is hidden."""
    cut = images.shape[1] // 2
    queries, fakes = to_float(small), to_float(case.small)
    half = queries.shape[1] // 2
    start = _nearest(_flat(queries[:, :half]), _flat(fakes[:, :half]))
    _, drawn = nearest_images(case, start[:, None], images, steps, lambda x: x[:, :cut])
    return -_error(images, drawn, to_float(case.fakes), cut)


def blurred(case: Case, small: np.ndarray, images: np.ndarray, steps: int) -> np.ndarray:
    """White box: gradients of the noise, from a photograph reduced to eight pixels a side."""
    reduced = [np.asarray(reduce(to_float(x))) for x in (small, case.small)]
    start = _nearest(*(_flat(x) for x in reduced))
    _, drawn = nearest_images(case, start[:, None], images, steps, reduce)
    return -_error(images, drawn, to_float(case.fakes), 0)


def reduce(images: Any) -> tf.Tensor:
    """float [B, H, W, C] -> [B, 8, 8, C], means of areas; TensorFlow's own has no gradient."""
    rows, columns = (_areas(side) for side in images.shape[1:3])
    return tf.einsum("ih,bhwc,jw->bijc", rows, images, columns)


def _areas(side: int) -> np.ndarray:
    """The share of each of `side` pixels in each of eight equal parts, float32 [8, side]."""
    ends, pixels = np.linspace(0, side, _BLURS + 1), np.arange(side)
    overlap = np.minimum(ends[1:, None], pixels + 1) - np.maximum(ends[:-1, None], pixels)
    return np.maximum(overlap, 0).astype(np.float32) * np.float32(_BLURS / side)


def _error(images: np.ndarray, drawn: np.ndarray, fakes: np.ndarray, cut: int) -> np.ndarray:
    """Squared error below row `cut`, over that of the average fake."""
    mean = fakes[:, cut:].mean(axis=0)
    errors = [((images[:, cut:] - x) ** 2).mean(axis=(1, 2, 3)) for x in (drawn[:, cut:], mean)]
    return errors[0] / np.maximum(errors[1], 1e-6)


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def _nearest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The row of y [M, P] nearest to each of x [Q, P]."""
    return ((y**2).sum(axis=1) - 2 * x @ y.T).argmin(axis=1)
