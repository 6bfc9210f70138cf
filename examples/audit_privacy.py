"""Does a generator leak its training images? Run: python examples/audit_privacy.py [FOLDER]"""

import sys
from pathlib import Path

import numpy as np

import ganvas
from ganvas.kits import privacy


def patterns(count: int) -> np.ndarray:
    """Images of 4x4 blocks, each its own: uint8 [N, 16, 16]."""
    blocks = np.random.default_rng(0).integers(0, 256, (count, 4, 4))
    return np.kron(blocks, np.ones((4, 4), int)).astype(np.uint8)


def main(folder: Path) -> None:
    images = patterns(1000)
    train, holdout = images[:500], images[500:]
    values = {"train.kimg": 2.0, "networks.width": 8, "data.clusters": 0, "data.holdout": 0.0,
              "scores.times": 0}  # fmt: skip
    run = ganvas.train(train, "quick", run=folder, overrides=values)
    results = privacy.audit(
        run, train, holdout, n=1000, searches=20, features="none", purpose="an example"
    )
    page, _ = privacy.write_report(folder / "privacy", results)
    print(privacy.table(results), page, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/audited"))
