"""The reference of an export, by which `ganvas serve --drift` tests the images that it draws.

Features of generated images, from noise of their own, and vectors for the real ones: drawn from a
Gaussian with their mean and their leading covariance, so that no real image can be found in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ..base.progress import stage
from ..data import Images
from ..evaluation.reference import reference_images
from ..features.bundled import SIDE, bundled_lite0
from ..features.litert import INPUT, OUTPUT, Features
from ..sampling.sampler import Sampler
from ..serve.reference import ALL, ARRAYS, CLASS, FEATURES, FEWEST, REAL
from . import litert

SEED = 4
"""Of the noise; different from the seeds of grids, scores, parity and quantisation."""
IMAGES, OF_CLASS = 512, 128
"""Images as in training, and of each class."""
MOST_CLASSES = 32
"""With more classes, requests for one of them are not compared: their references would take
minutes."""
MOST_REAL, VECTORS, AXES = 1024, 256, 64


def write(folder: Path, sampler: Sampler, source: Images | None) -> dict[str, Any]:
    """Write features and reference into the folder of a version.

    Args:
        source: real images; None: they may not be used, or cannot be read.

    Returns: what the manifest says of them.
    """
    content = litert.convert_function(*_network())
    (folder / FEATURES).write_bytes(content)
    features = Features(folder / FEATURES, content)
    found = {ALL: _generated(features, sampler, None)}
    classes = len(sampler.frequencies) if sampler.conditional else 0
    for label in range(classes if classes <= MOST_CLASSES else 0):
        found[f"{CLASS}{label}"] = _generated(features, sampler, label)
    name = None
    if source is not None:
        kept, name = reference_images(source)
        vectors = _real(features, kept)
        name = name if vectors is not None else None
        found |= {} if vectors is None else {REAL: vectors}
    halved: dict[str, Any] = {key: value.astype(np.float16) for key, value in found.items()}
    np.savez(folder / ARRAYS, **halved)
    return {"features": "lite0", "side": SIDE, "real": name,
            "images": {key: len(value) for key, value in found.items()}}  # fmt: skip


def _network() -> tuple[tf.Module, tf.function]:
    """EfficientNet-Lite0 with its bundled weights, and its function for one image."""
    model, module = bundled_lite0(), tf.Module()
    module.weights = [variable.value for variable in model.variables]
    spec = tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32, INPUT)
    call = tf.function(
        lambda image: {OUTPUT: model(image, training=False)}, input_signature=[spec],
        autograph=False,
    )  # fmt: skip
    return module, call


def _generated(features: Features, sampler: Sampler, label: int | None) -> np.ndarray:
    """Features of generated images of a class, or of all."""
    count = IMAGES if label is None else OF_CLASS
    seed = SEED if label is None else (label + 1) * 1000 + SEED
    return _described(features, sampler.sample(count, label, seed))


def _real(features: Features, source: Images) -> np.ndarray | None:
    """Vectors from the Gaussian of the features of real images; None: too few images."""
    rng = np.random.Generator(np.random.Philox(SEED))
    rows = source.rows
    rows = rows if len(rows) <= MOST_REAL else np.sort(rng.choice(rows, MOST_REAL, replace=False))
    if len(rows) < FEWEST:
        return None
    known = _described(features, source.pixels(rows))
    centre, kept = known.mean(0), min(AXES, len(known) // 4)
    _, spread, axes = np.linalg.svd(known - centre, full_matrices=False)
    along = rng.standard_normal((VECTORS, kept), np.float32)
    others = np.square(spread[kept:]).sum() / (len(known) - 1) / known.shape[1]
    rest = rng.standard_normal((VECTORS, known.shape[1]), np.float32) * np.sqrt(others)
    scale = spread[:kept] / np.sqrt(len(known) - 1)
    return np.asarray(centre + (along * scale) @ axes[:kept] + rest, np.float32)


def _described(features: Features, images: np.ndarray) -> np.ndarray:
    with stage("computing features", len(images), "images") as computing:
        found = []
        for image in images:
            found.append(features(image))
            computing.advance(1)
    return np.stack(found)
