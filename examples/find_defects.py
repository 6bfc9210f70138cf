"""Learn from good parts, find a broken one. Run: python examples/find_defects.py [FOLDER]"""

import sys
from pathlib import Path

import numpy as np

from ganvas.images import write_png
from ganvas.kits import defects
from ganvas.kits.defects.overlay import side_by_side


def plates(count: int, seed: int, broken: bool = False) -> np.ndarray:
    """Plates with a bright bar: uint8 [N, 24, 24]; broken ones have a hole."""
    rng = np.random.default_rng(seed)
    images = rng.normal(60, 6, (count, 24, 24))
    for image, at in zip(images, rng.integers(9, 12, count), strict=True):
        image[at : at + 4] += 120
        if broken:
            y, x = rng.integers(0, 18, 2)
            image[y : y + 6, x : x + 6] = 240
    return np.clip(images, 0, 255).astype(np.uint8)


def main(folder: Path) -> None:
    detector = defects.fit(plates(300, 0), folder, with_gan="no")
    new = np.concatenate([plates(5, 1), plates(5, 2, broken=True)])
    verdicts = detector.score(new)
    for number, (score, p, defective) in enumerate(zip(*verdicts[:3], strict=True)):
        print(f"plate {number}: score {score:5.2f}, p {p:.3f}", "DEFECTIVE" if defective else "")
    write_png(folder / "last.png", side_by_side(new[-1, ..., None], verdicts.heatmap[-1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("models/plates"))
