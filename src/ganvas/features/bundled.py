"""The networks that come with the package, and the one that Keras keeps in its cache."""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.arrays import open_npz
from ..base.building import building
from ..base.files import home
from ..base.types import Tensor
from ..errors import UsageError
from ..images import to_float
from . import lite0
from .base import Extractor
from .names import NAMES as NAMES

# A linear probe of emoji categories is right in 0.802 of cases; with 160 pixels, at twice the
# time, in 0.805; with 96, at about half, in 0.765.
SIDE = 128
SHA256 = {
    "digits": "d3bb1aac2c819f229a20792af06073287cd63ea2002ab63828814992f6459a7f",
    "lite0": "8ab0a86a46a19ddc12e90bc93aee9a8283be86f0e1071d1e2e8c570515fccf98",
}
INCEPTION = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"


@functools.cache
def named(name: str) -> Extractor:
    if name == "inception-keras":
        return _inception()
    if name == "general":
        return general()
    infer = _frozen(lite0.digits, "digits")

    def classify(x: Tensor) -> tuple[Tensor, Tensor | None]:
        features, logits = infer(x)
        return features, tf.nn.softmax(logits)

    return Extractor(name, SHA256["digits"], classify, (28, 28, 1), lite0.FEATURES, 10)


@functools.cache
def general(side: int = SIDE) -> Extractor:
    """EfficientNet-Lite0 on images of this side: its weights fit any. Features of one side cannot
    be compared with those of another."""
    infer = _frozen(lambda: lite0.lite0(side), "lite0")
    shape = (side, side, 3)
    return Extractor("general", SHA256["lite0"], lambda x: (infer(x), None), shape, 1280)


def bundled_lite0(side: int = SIDE) -> keras.Model:
    """EfficientNet-Lite0 with its bundled weights: RGB 0..255 [B, side, side, 3] -> [B, 1280]."""
    return _built(lambda: lite0.lite0(side), "lite0")


def _built(make: Callable[[], keras.Model], file: str) -> keras.Model:
    """A network with the weights of a file in the package."""
    weights = _bundled(file)
    with building():
        model = make()
    model.set_weights(weights)
    return model


def _frozen(make: Callable[[], keras.Model], file: str) -> Callable[[Tensor], Any]:
    """The same, for inference."""
    model = _built(make, file)
    return tf.function(lambda x: model(x, training=False), autograph=False)


def inner_maps(size: tuple[int, int]) -> keras.Model:
    """EfficientNet-Lite0 with its bundled weights, and the inner maps that name a place.

    Args:
        size: (height, width) of the images in pixels, multiples of 16.

    Shapes: RGB 0..255 [B, h, w, 3] -> a map of stride 8 [B, h/8, w/8, 40], two of stride 16
        [B, h/16, w/16, 80] and [B, h/16, w/16, 112], and the pooled features [B, 1280].
    """
    weights = _bundled("lite0")
    with building():
        image, ends, pooled = lite0.trunk(size)
        keras.Model(image, pooled).set_weights(weights)
        return keras.Model(image, [*ends[2:5], pooled], name="inner_maps")


def _bundled(file: str) -> list[np.ndarray]:
    """The arrays of a file of weights in the package, in their order."""
    path = resources.files("ganvas.features") / "weights" / f"{file}.npz"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the bundled {file}.npz is missing: reinstall ganvas") from error
    if hashlib.sha256(content).hexdigest() != SHA256[file]:
        raise UsageError(
            f"the bundled {file}.npz has another sha256 than it should: reinstall ganvas"
        )
    with open_npz(io.BytesIO(content)) as arrays:
        return [arrays[name].astype(np.float32) for name in arrays.files]


def _inception() -> Extractor:
    folder = os.environ.get("KERAS_HOME") or (home() or Path("~")) / ".keras"
    path = Path(folder) / "models" / INCEPTION
    if not path.is_file():
        raise UsageError(
            f"features 'inception-keras' need {path}, and ganvas downloads nothing: let "
            "keras.applications.InceptionV3(include_top=False) fetch it once, or choose general"
        )
    shape = (299, 299, 3)
    try:
        with building():
            model = keras.applications.InceptionV3(
                False, str(path), input_shape=shape, pooling="avg"
            )
    except Exception as error:  # of Keras, h5py and the system
        raise UsageError(f"{path} is damaged: remove it and let Keras fetch it again") from error
    infer = tf.function(lambda x: model(to_float(x), training=False), autograph=False)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Extractor("inception-keras", sha256, lambda x: (infer(x), None), shape, 2048)
