"""Directions for editing images, found without labels in the first layer of a generator."""

from __future__ import annotations

import keras
import numpy as np

from ...errors import ModelError


def first_kernel(generator: keras.Model) -> np.ndarray:
    """The part of the first dense layer's kernel that multiplies the noise, [Z, units].

    Raises: ModelError: the generator does not begin with a dense layer.
    """
    size = generator.input["noise"].shape[-1]
    for layer in generator.layers:
        if isinstance(layer, keras.layers.Dense):
            kernel = np.asarray(layer.kernel, np.float64)
            if len(kernel) >= size:
                return kernel[:size]  # a label's vector follows the noise
            break
    raise ModelError("the generator does not begin with a dense layer: use the networks dcgan")


def sefa(generator: keras.Model, count: int = 5) -> np.ndarray:
    """Unit steps of noise that change the first layer most: eigenvectors of A A', [count, Z].

    Source: Shen & Zhou 2021, arXiv:2007.06600, eq. 6. No data, no samples.
    """
    kernel = first_kernel(generator)
    _, vectors = np.linalg.eigh(kernel @ kernel.T)
    return vectors.T[::-1][:count].astype(np.float32)
