"""Images -> features for their comparison: bundled networks, or a network of the user."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..base.building import building
from ..base.types import StrPath, Tensor
from ..errors import UsageError, no_such
from ..images import to_float
from . import lite0

CHUNK = 64
# Accuracy of a linear probe of emoji categories: 0.802; with 160 pixels, in twice the time, 0.805;
# with 96, in about half the time, 0.765.
SIDE = 128
NAMES = ("digits", "general", "inception-keras")
SUFFIXES = (".keras", ".h5", ".tflite")
SHA256 = {
    "digits": "d3bb1aac2c819f229a20792af06073287cd63ea2002ab63828814992f6459a7f",
    "lite0": "8ab0a86a46a19ddc12e90bc93aee9a8283be86f0e1071d1e2e8c570515fccf98",
}
INCEPTION = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"

Network = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]
Sides = tuple[Any, ...]


class Extractor:
    """Computes features in batches of fixed size: the same image has always the same features.

    Grey becomes RGB or RGB becomes grey if the network needs it; alpha is composed over white.
    Images of another size are stretched to the network's, antialiased (Parmar et al. 2022,
    arXiv:2104.11222), and not rounded afterwards.

    Attributes:
        name: "digits", "general", "inception-keras", or a file's name.
        sha256: of the file of weights, in hex.
        width, classes: number of features, D, and of classes, K; K = 0 for none.
        resize: the size that images are resized to, and how.
    """

    def __init__(
        self,
        name: str,
        sha256: str,
        network: Network,
        shape: tuple[int | None, int | None, int],
        width: int,
        classes: int = 0,
    ) -> None:
        """Takes float32 0..255 [CHUNK, *shape] -> features [CHUNK, ...], probabilities or None."""
        self.name, self.sha256, self.width, self.classes = name, sha256, width, classes
        self._network, self._shape = network, shape
        self.resize = "none" if None in shape else f"{shape[0]}x{shape[1]}, bicubic, antialiased"
        self._adapt = tf.function(self._adapted, autograph=False)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """uint8 [N, H, W, C] -> features float32 [N, D] and probabilities float32 [N, K] or None.

        Raises: UsageError: no images, channels that cannot be converted, or features not finite.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or not len(images):
            raise UsageError(
                f"{images.dtype} {list(images.shape)}: images are uint8 [N, H, W, C], at least one"
            )
        self.check(images.shape[1:])
        features = np.empty((len(images), self.width), np.float32)
        probabilities = np.empty((len(images), self.classes), np.float32) if self.classes else None
        for start in range(0, len(images), CHUNK):
            rows = slice(start, start + CHUNK)
            piece = images[rows]
            # Always the same batch size: arithmetic that does not depend on N, one trace.
            padded = self._adapt(np.resize(piece, (CHUNK, *piece.shape[1:])))
            found, classes = self._network(padded)
            features[rows] = np.reshape(found, (CHUNK, -1))[: len(piece)]
            if probabilities is not None:
                probabilities[rows] = np.asarray(classes)[: len(piece)]
        bad = len(features) - int(np.isfinite(features).all(1).sum())
        if bad:
            raise UsageError(
                f"features of {self.name} are NaN or infinite for {bad} of {len(images)} images, "
                "where scores need finite ones: choose other features, such as general"
            )
        return features, probabilities

    def check(self, shape: tuple[int, ...]) -> None:
        """Raises: UsageError: images of this shape (H, W, C) cannot be converted."""
        takes = self._shape[2]
        if takes not in (1, 3, shape[2]):
            raise UsageError(
                f"{self.name} takes images of {takes} channels and these have {shape[2]}, "
                "where 1 and 3 can be brought to each other: choose other features"
            )

    def _adapted(self, images: tf.Tensor) -> tf.Tensor:
        height, width, channels = self._shape
        x = tf.cast(images, tf.float32)
        if channels != x.shape[3] and x.shape[3] in (2, 4):
            alpha = x[..., -1:] / 255
            x = x[..., :-1] * alpha + 255 * (1 - alpha)
        if channels == 1 and x.shape[3] == 3:
            x = tf.reduce_sum(x * [0.299, 0.587, 0.114], axis=3, keepdims=True)  # ITU-R BT.601
        elif channels == 3 and x.shape[3] == 1:
            x = tf.repeat(x, 3, axis=3)
        if None not in (height, width) and (height, width) != tuple(x.shape[1:3]):
            # The kernel of Pillow's bicubic filter, which overshoots at edges.
            x = tf.image.resize(x, (height, width), "bicubic", antialias=True)
            x = tf.clip_by_value(x, 0, 255)
        return x


def extractor(name: StrPath, shape: tuple[int, int, int] | None = None) -> Extractor:
    """The extractor of a name, or of a network in a file.

    Args:
        name: "digits", "general", "inception-keras" (Keras's own InceptionV3, from Keras's cache:
            not the network of FID), or a model: .keras, .h5 or .tflite. A model gets float32
            0..255 [N, h, w, c] and scales it itself; its only output is flattened to [N, D].
        shape: (height, width, channels) of the images, to be checked now.

    Raises: UsageError: an unknown name, damaged or missing weights, or a model that cannot be used.
    """
    if str(name) in NAMES:
        found = _named(str(name))
    elif str(name) == "inception":
        raise UsageError(
            "features 'inception': the network of FID is not part of ganvas; give it as a file, "
            f"--features FILE, that ends in {', '.join(SUFFIXES)}"
        )
    else:
        found = _from_file(Path(name))
    if shape is not None:
        found.check(shape)
    return found


def choose(images: np.ndarray) -> str:
    """The name of the features for these images (uint8 [N, H, W, C], a few hundred)."""
    return "digits" if looks_like_digits(images) else "general"


def looks_like_digits(images: np.ndarray) -> bool:
    """Whether images (uint8 [N, H, W, C]) are light digits on black, as in MNIST, of any size.

    That is: grey, 95 % of the pixels at the edge and 65 % of all are black, and 90 % of the images
    are a digit with a probability over 0.9. MNIST has 98 % (96 % reduced to 16 pixels), letters
    65 %, icons 43 %, Fashion-MNIST 19 %; framed noise has 97 %, and half of its pixels are black.
    """
    height, width, channels = images.shape[1:]
    if channels != 1 or height != width:
        return False
    edge = max(1, height // 14)
    inside = np.zeros((height, width), bool)
    inside[edge:-edge, edge:-edge] = True
    black = images < 16
    if black[:, ~inside].mean() < 0.95 or black.mean() < 0.65:
        return False
    _, probabilities = extractor("digits")(images)
    return bool(probabilities is not None and (probabilities.max(1) > 0.9).mean() >= 0.9)


@functools.cache
def _named(name: str) -> Extractor:
    if name == "inception-keras":
        return _inception()
    file = "digits" if name == "digits" else "lite0"
    weights = _bundled(file)
    with building():
        model = lite0.digits() if name == "digits" else lite0.lite0(SIDE)
    model.set_weights(weights)
    infer = tf.function(lambda x: model(x, training=False), autograph=False)
    if name == "general":
        return Extractor(name, SHA256[file], lambda x: (infer(x), None), (SIDE, SIDE, 3), 1280)

    def classify(x: Tensor) -> tuple[Tensor, Tensor | None]:
        features, logits = infer(x)
        return features, tf.nn.softmax(logits)

    return Extractor(name, SHA256[file], classify, (28, 28, 1), lite0.FEATURES, 10)


def _bundled(file: str) -> list[np.ndarray]:
    """The arrays of a file of weights in the package, in order."""
    path = resources.files("ganvas.features") / "weights" / f"{file}.npz"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the bundled {file}.npz is missing: reinstall ganvas") from error
    if hashlib.sha256(content).hexdigest() != SHA256[file]:
        raise UsageError(
            f"the bundled {file}.npz has another sha256 than it should: reinstall ganvas"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return [arrays[name].astype(np.float32) for name in arrays.files]


def _inception() -> Extractor:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    path = Path(home) / "models" / INCEPTION
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


def _from_file(path: Path) -> Extractor:
    if path.suffix not in SUFFIXES and not path.exists():
        known = no_such("features", str(path), NAMES)
        raise UsageError(f"{known}, or FILE{', FILE'.join(SUFFIXES)}")
    if path.suffix not in SUFFIXES:
        raise UsageError(f"features {path}: give a Keras or LiteRT file ({', '.join(SUFFIXES)})")
    try:
        content = path.read_bytes()
    except OSError as error:
        why = error.strerror
        raise UsageError(f"features {path} cannot be read ({why}): give a file") from error
    return _model(path, hashlib.sha256(content).hexdigest())


@functools.lru_cache(maxsize=4)
def _model(path: Path, sha256: str) -> Extractor:
    try:
        network, takes, gives = (_open_lite if path.suffix == ".tflite" else _open_keras)(path)
    except Exception as error:  # readers raise many types on files of other formats
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(
            f"features {path}: not a model that can be run here ({why}); "
            f"give a Keras or LiteRT file ({', '.join(SUFFIXES)})"
        ) from error
    if len(takes) != 4 or takes[3] is None or len(gives) < 2 or None in gives[1:]:
        raise UsageError(
            f"features {path}: the model maps {_signs(takes)} to {_signs(gives)}, where images "
            "[N, h, w, c] become features of known size [N, ...]: end it with global pooling"
        )
    return Extractor(path.name, sha256, network, tuple(takes[1:]), int(np.prod(gives[1:])))


def _open_keras(path: Path) -> tuple[Network, Sides, Sides]:
    """A Keras model, with the shapes of its input and output."""
    with building():
        model = keras.saving.load_model(path, compile=False)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError("one input and one output are accepted")
    infer = tf.function(lambda x: model(x, training=False), autograph=False)

    def network(x: Tensor) -> tuple[Tensor, Tensor | None]:
        return tf.cast(tf.nest.flatten(infer(x))[0], tf.float32), None

    return network, tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)


def _open_lite(path: Path) -> tuple[Network, Sides, Sides]:
    """A LiteRT model, run image by image, because many models have a batch size of one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its move to another package; TensorFlow is pinned
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
