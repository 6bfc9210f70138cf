"""Features by name or by file, and those that suit given images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..base.types import StrPath
from ..errors import UsageError
from .base import Extractor
from .bundled import NAMES, named
from .files import from_file
from .names import SUFFIXES


def extractor(word: StrPath, shape: tuple[int, int, int] | None = None) -> Extractor:
    """The features of a name, or of a network in a file.

    Args:
        word: "digits", "general", "inception-keras" (Keras's own InceptionV3, from Keras's cache:
            not the network of FID), or a model: .keras, .h5 or .tflite. A model gets float32
            0..255 [N, h, w, c] and scales it itself; its only output is flattened to [N, D].
        shape: (height, width, channels) of the images to come, checked at once.

    Raises: UsageError: an unknown word, weights that are damaged or missing, a file that is no such
        model, or images that it cannot take.
    """
    if str(word) in NAMES:
        found = named(str(word))
    elif str(word) == "inception":
        raise UsageError(
            "features 'inception': the network of FID is not part of ganvas; give it as a file, "
            f"--features FILE, that ends in {', '.join(SUFFIXES)}"
        )
    else:
        found = from_file(Path(word))
    if shape is not None:
        found.check(shape)
    return found


def choose(images: np.ndarray) -> str:
    """The features that suit these images (uint8 [N, H, W, C], a few hundred): a name."""
    return "digits" if looks_like_digits(images) else "general"


def looks_like_digits(images: np.ndarray) -> bool:
    """Whether images are light digits on black, as in MNIST, of any size.

    That is: grey, 95 % of the pixels at the edge and 65 % of all black, and 90 % of the images a
    digit with a probability of over 0.9. MNIST has 98 % (96 % once shrunk to 16 pixels), letters
    65 %, icons 43 %, Fashion-MNIST 19 %; framed noise has 97 %, and half of its pixels black.

    Shapes: uint8 [N, H, W, C].
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
