"""Three lines: arrays in, a run, images out. Run: python examples/train_on_arrays.py [FOLDER]"""

import sys
from pathlib import Path

import numpy as np

import ganvas

SHORT = {"train.kimg": 2.0, "networks.width": 8, "scores.times": 0}
"""Seconds instead of minutes: leave it out for images to look at."""


def stripes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of stripes, upright (label 0) or lying (label 1): uint8 [N, 16, 16], [N]."""
    rng = np.random.default_rng(0)
    wave = np.sin(np.arange(16) * rng.uniform(0.6, 1.6, (count, 1)) + rng.uniform(0, 6, (count, 1)))
    images = np.repeat((127.5 + 120 * wave)[:, None, :], 16, axis=1).astype(np.uint8)
    labels = rng.integers(0, 2, count)
    images[labels == 1] = images[labels == 1].transpose(0, 2, 1)
    return images, labels


def main(folder: Path) -> None:
    run = ganvas.train(stripes(1000), "quick", run=folder, overrides=SHORT)
    lying = ganvas.load(run).sample(16, label=1)
    print(lying.shape, lying.dtype, "pictures in", run.folder / "samples")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/stripes"))
