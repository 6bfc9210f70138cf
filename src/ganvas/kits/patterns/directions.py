"""Ways to edit an image that nobody labelled: read off the first layer of a generator."""

from __future__ import annotations

import keras
import numpy as np

from ...errors import ModelError


def first_kernel(generator: keras.Model) -> np.ndarray:
    """The part of the first dense layer that the noise goes through, [Z, units].

    Raises: ModelError: the generator does not begin with a dense layer.
    """
    size = generator.input["noise"].shape[-1]
    for layer in generator.layers:
        if isinstance(layer, keras.layers.Dense):
            kernel = np.asarray(layer.kernel, np.float64)
            if len(kernel) >= size:
                return kernel[:size]  # a label's vector follows the noise
            break
    raise ModelError("this generator has no first dense layer to read directions from: use dcgan")


def sefa(generator: keras.Model, count: int = 5) -> np.ndarray:
    """Unit steps of noise that change the first layer most: eigenvectors of A A', [count, Z].

    Source: Shen & Zhou 2021, arXiv:2007.06600, eq. 6. No data, no samples.
    """
    kernel = first_kernel(generator)
    _, vectors = np.linalg.eigh(kernel @ kernel.T)
    return vectors.T[::-1][:count].astype(np.float32)


def ganspace(
    generator: keras.Model, count: int = 5, samples: int = 4000, seed: int = 0
) -> np.ndarray:
    """Unit steps of noise along the principal components of the first layer's output, after its
    rectifier, [count, Z].

    Source: Härkönen et al. 2020, arXiv:2004.02546, section 2.1: components of activations,
        brought back to the noise by least squares.
    """
    kernel = first_kernel(generator)
    rng = np.random.Generator(np.random.Philox(seed))
    noise = rng.standard_normal((samples, len(kernel)))
    active = np.maximum(noise @ kernel, 0)
    active -= active.mean(axis=0)
    left, sizes, _ = np.linalg.svd(active, full_matrices=False)
    coordinates = (left * sizes)[:, :count]
    steps = np.linalg.lstsq(coordinates, noise, rcond=None)[0]
    return (steps / np.linalg.norm(steps, axis=1, keepdims=True)).astype(np.float32)
