"""Writes the pretrained pairs of the package from runs.

    python scripts/pretrained_sources.py SOURCES IMAGES
    ganvas train IMAGES/photos.npz --recipe scripts/pretrained.toml --run RUNS/photos-64
    python scripts/make_pretrained.py RUNS

RUNS holds a run NAME-SIDE of each pair and size. Half precision; pairs.toml has each file's sha256.
"""

import hashlib
import sys
from pathlib import Path

import tomli_w
from pretrained_sources import CREDITS

from ganvas import Run
from ganvas.pretrained import cards
from ganvas.training.beginning import pack

TARGET = Path(cards.__file__).parent / "weights"
WHAT = {
    "drawings": "drawings, clip art and icons on plain paper",
    "photos": "photographs of things: animals, vehicles, clothes, fruit, tools",
}


def main(runs: Path) -> None:
    table = {}
    for name, sources in CREDITS.items():
        made = sorted(runs.glob(f"{name}-*/"), key=lambda path: int(path.name.rpartition("-")[2]))
        hashes, lengths = {}, []
        for run in made:
            side = run.name.rpartition("-")[2]
            file = pack(run, TARGET / f"{name}-{side}.npz")
            hashes[side] = hashlib.sha256(file.read_bytes()).hexdigest()
            lengths.append(f"{Run(run).rows()[-1]['kimg']:.0f} kimg at {side} px")
            sys.stdout.write(f"{file.name}: {file.stat().st_size:,} bytes\n")
        training = f"scripts/pretrained.toml, {' and '.join(lengths)}; mirrored images included"
        table[name] = {
            "what": WHAT[name], "sources": sources, "training": training, "sha256": hashes,
        }  # fmt: skip
    (TARGET / "pairs.toml").write_text(tomli_w.dumps(table), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
