"""What helps a rare class, and a classifier. Run: python examples/top_up_a_class.py [FOLDER]

Tiny, to run in a minute: omit the options below for a meaningful study.
"""

import sys
from pathlib import Path

import numpy as np

from ganvas.kits import rare_class

TINY = {"seeds": 2, "kimg": 0.5, "steps": 40, "ratios": (1.0,),
        "arms": ("oversampling", "classical", "lda", "classical + gan"),
        "values": {"networks.width": 8, "networks.discriminator_width": 8}}  # fmt: skip


def parts(common: int, rare: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of parts, uint8 [N, 16, 16]: plain ones (label 0), and some with a scratch (1)."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [common, rare])
    images = rng.normal(110, 25, (common + rare, 16, 16))
    for image in images[labels == 1]:
        row, column = rng.integers(2, 9, 2)
        image[np.arange(row, row + 6), np.arange(column, column + 6)] += 90
    return np.clip(images, 0, 255).astype(np.uint8), labels


def main(folder: Path) -> None:
    verdict = rare_class.balance(
        parts(200, 20, seed=0), rare=["1"], out=folder, test=parts(200, 200, seed=1), **TINY
    )
    print(f"{verdict.word}: {verdict.sentence}")
    print(verdict.advice)
    print("classifier in", folder / "model", "- report in", folder / "report.html")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("balanced"))
