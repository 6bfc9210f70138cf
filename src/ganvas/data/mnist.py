"""The bundled MNIST: all 70,000 digits; no download is needed.

Made by scripts/make_mnist.py. Source: LeCun, Cortes and Burges; commonly cited as CC BY-SA 3.0.
"""

from __future__ import annotations

import functools
import hashlib
import lzma
from importlib import resources

import numpy as np

from ganvas.errors import DataError

COUNTS = {"train": 60_000, "test": 10_000}
SHA256 = "c2069063c1105f2bf96266aef1ff68c6e13bdda7a54e37bf19c16f1db24efc83"


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 28, 28] and labels uint8 [N] of "train" or "test".

    Raises: DataError: no such part, or the file in the package is damaged.
    """
    if part not in COUNTS:
        raise DataError(f"mnist has no part '{part}'; accepted are train and test: choose one")
    raw = _content()
    pixels = sum(COUNTS.values()) * 28 * 28
    images = np.frombuffer(raw, np.uint8, pixels).reshape(-1, 28, 28)
    labels = np.frombuffer(raw, np.uint8, offset=pixels)
    rows = slice(0, COUNTS["train"]) if part == "train" else slice(COUNTS["train"], None)
    return images[rows], labels[rows]


@functools.lru_cache(maxsize=1)  # decompressing takes half a second; a run reads both parts
def _content() -> bytes:
    content = (resources.files("ganvas.data") / "mnist.xz").read_bytes()
    try:
        raw = lzma.decompress(content)
    except lzma.LZMAError as error:
        raise DataError(f"the bundled MNIST is damaged ({error}): reinstall ganvas") from error
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise DataError("the bundled MNIST has another sha256 than it should: reinstall ganvas")
    return raw
