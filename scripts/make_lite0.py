"""Writes src/ganvas/features/weights/lite0.npz from the published PyTorch arrays.

python scripts/make_lite0.py path/to/effnet_lite0_imagenet_weights.npz

Every batch normalisation is folded into the convolution before it, which halves the layers and
changes nothing: y = g (Wx - m) / sqrt(v + e) + b is itself a convolution with a bias. Half
precision; without the ImageNet classifier, whose classes say little about other images.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from ganvas.features import lite0

TARGET = Path(lite0.__file__).parent / "weights" / "lite0.npz"
# TensorFlow's, where the network was trained. Its own statistics bear it out: the mean that the
# last narrowing convolution should see, given the normalisation before it, is off by 0.17 of a
# standard deviation with 1e-3, and by 0.26 with PyTorch's 1e-5.
EPSILON = 1e-3


def fold(arrays, convolution: str, norm: str) -> list[np.ndarray]:
    """Kernel [h, w, in, out] (depthwise: [h, w, in, 1]) and bias of a normalised convolution."""
    gain, bias, mean, variance = (
        arrays[f"{norm}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / np.sqrt(variance + EPSILON)
    kernel = arrays[f"{convolution}.weight"] * scale[:, None, None, None]
    axes = (2, 3, 0, 1) if "depthwise" in convolution else (2, 3, 1, 0)
    return [kernel.transpose(axes), bias - mean * scale]


def convert(arrays, stages=lite0.STAGES) -> list[np.ndarray]:
    """The weights of `lite0.lite0` with these stages in their order, float64."""
    weights = fold(arrays, "_conv_stem", "_bn0")
    for i in range(sum(repeats for *_, repeats in stages)):
        block = f"_blocks.{i}"
        if i:
            weights += fold(arrays, f"{block}._expand_conv", f"{block}._bn0")
        weights += fold(arrays, f"{block}._depthwise_conv", f"{block}._bn1")
        weights += fold(arrays, f"{block}._project_conv", f"{block}._bn2")
    return weights + fold(arrays, "_conv_head", "_bn1")


def main(source: str) -> None:
    with np.load(source, allow_pickle=False) as arrays:
        weights = convert(arrays)
    halves = [w.astype(np.float16) for w in weights]
    if not all(np.isfinite(w).all() for w in halves):
        sys.exit("a folded weight does not fit into half precision")
    lite0.lite0(128).set_weights(halves)
    np.savez(TARGET, *halves)
    sha256 = hashlib.sha256(TARGET.read_bytes()).hexdigest()
    sys.stdout.write(f"{TARGET.name}: {TARGET.stat().st_size} bytes, sha256 {sha256}\n")


if __name__ == "__main__":
    main(sys.argv[1])
