"""The settings of the benchmarks on rare classes, and their images."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np

from ganvas.kits.rare_class.parts import Material, Part

DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
SETTINGS = {  # file, parts, rare class, its images, images of each other class
    "mnist-8-20": ("mnist.npz", "x_{}", "y_{}", 8, 20, 500),
    "fashion-shirt-20": ("fashion_mnist.npz", "x_{}", "y_{}", 6, 20, 500),
    "xray-normal-50": ("pneumoniamnist_full.npz", "{}_images", "{}_labels", 0, 50, 1000),
    "mnist-8-50": ("mnist.npz", "x_{}", "y_{}", 8, 50, 500),
    "fashion-shirt-50": ("fashion_mnist.npz", "x_{}", "y_{}", 6, 50, 500),
}


@functools.cache
def read(setting: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, H, W, 1] and labels int64 [N] of an official part."""
    file, images, labels, *_ = SETTINGS[setting]
    with np.load(DATA / file, allow_pickle=False) as arrays:
        x, y = (arrays[name.format(part)] for name in (images, labels))
    return x[..., None], y.reshape(-1).astype(np.int64)


def material(setting: str, seed: int, most: int) -> Material:
    """The data of a seed: a draw of its own from the training part; of the official test part at
    most so many images, the same for all seeds."""
    *_, rare, few, many = SETTINGS[setting]
    images, labels = read(setting, "train")
    rng = np.random.Generator(np.random.Philox([seed, 2026]))
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == c))[: few if c == rare else many]
         for c in np.unique(labels)]
    )  # fmt: skip
    test = read(setting, "test")
    used = np.random.Generator(np.random.Philox([0, 2027])).permutation(len(test[0]))[:most]
    names = tuple(str(c) for c in np.unique(labels))
    return Material(
        part(images[rows], labels[rows]), part(test[0][used], test[1][used]), names, (rare,),
        False, "official", setting,
    )  # fmt: skip


def part(images: np.ndarray, labels: np.ndarray) -> Part:
    """Every image is a unit of its own."""
    units = np.arange(len(labels))
    return Part(images, labels, units, tuple(map(str, units)))
