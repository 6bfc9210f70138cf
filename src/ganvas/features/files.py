"""A network of the user's, in a Keras or LiteRT file."""

from __future__ import annotations

import functools
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf

from ..base.keras_files import read_keras
from ..base.types import Tensor
from ..errors import UsageError
from .base import Extractor, Network, Sides
from .names import SUFFIXES, check_file


def from_file(path: Path) -> Extractor:
    check_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror
        raise UsageError(f"features {path} cannot be read ({why}): give a file") from error
    return _model(path, hashlib.sha256(content).hexdigest())


@functools.lru_cache(maxsize=4)
def _model(path: Path, sha256: str) -> Extractor:
    open_model = _open_lite if path.suffix == ".tflite" else _open_keras
    try:
        network, takes, gives = open_model(path)
    except Exception as error:  # readers raise nearly anything on files that are not theirs
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(
            f"features {path}: not a model that can be run here ({why}); "
            f"give a Keras or LiteRT file ({', '.join(SUFFIXES)})"
        ) from error
    if len(takes) != 4 or takes[3] is None or len(gives) < 2 or None in gives[1:]:
        raise UsageError(
            f"features {path}: the model maps {_signs(takes)} to {_signs(gives)}; from images "
            "[N, h, w, c] to features of known size [N, ...] is needed: end it with global pooling"
        )
    return Extractor(path.name, sha256, network, tuple(takes[1:]), int(np.prod(gives[1:])))


def _open_keras(path: Path) -> tuple[Network, Sides, Sides]:
    """A Keras model, with the shapes that it takes and gives."""
    model = read_keras(path)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError("one input and one output are accepted")
    infer = tf.function(lambda x: model(x, training=False), autograph=False)

    def network(x: Tensor) -> tuple[Tensor, Tensor | None]:
        return tf.cast(tf.nest.flatten(infer(x))[0], tf.float32), None

    return network, tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)


def _open_lite(path: Path) -> tuple[Network, Sides, Sides]:
    """A LiteRT model, run image by image: many are built for a batch of one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it will move; TensorFlow is pinned where it has it
        interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    [takes], gives = interpreter.get_input_details(), interpreter.get_output_details()
    if len(gives) != 1 or takes["dtype"] not in (np.float32, np.uint8):
        raise ValueError("one output, and one input of float32 or uint8 are accepted")

    def network(x: Tensor) -> tuple[Tensor, Tensor | None]:
        found = []
        for image in np.asarray(x if takes["dtype"] == np.float32 else tf.round(x)):
            interpreter.set_tensor(takes["index"], image[None].astype(takes["dtype"]))
            interpreter.invoke()
            found.append(interpreter.get_tensor(gives[0]["index"]))
        return np.concatenate(found).astype(np.float32), None

    return network, tuple(takes["shape"]), tuple(gives[0]["shape"])


def _signs(shape: Sides) -> str:
    return "[" + ", ".join("?" if side is None else str(side) for side in shape) + "]"
