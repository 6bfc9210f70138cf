"""Tiles of a texture against a region of it that nothing has learnt from.

    python benchmarks/patterns_held.py [--only NAME] [--part 0/1] [--seeds 1]

Each of the 21 distinct textures of `propaganda_textures.zip`, at 256 pixels, is cut: the left 11 of
16 columns are learnt from, the right 5 are held out. Plain quilting lays blocks of the left part.
Two designs of the generator learn the left part in 8 thousand crops: "quilts" cuts half of its
crops from a quilted tile of 512 pixels, "windows" does so, and its discriminator judges patches of
46 pixels besides those of 22. Reported: the Frechet distance of patches of 16 x 16 pixels to the
held-out region (48 principal components of it), the structure (distance to the left part in the
maps of a frozen network) and the repeats on 1,024 pixels. "rest" is the left part itself: where it
is far from the held-out region, no engine that knows only the left part can be near.

Data under $GANVAS_DATA (default ../shared/data); runs in $GANVAS_WORK (default
runs/patterns-benchmark). Each texture is a line of results/patterns_held.jsonl and is not computed
again; an interrupted training is resumed. Writes results/patterns_held.md.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from ganvas.images import write_png
from ganvas.kits import patterns
from ganvas.kits.patterns.crops import read_textures
from ganvas.kits.patterns.likeness import ALIKE
from jobs import parser, run_all
from patterns import DATA, QUIET, WORK, distances, textures

KIMG, TILES, LEARNT = 8.0, 4, 11 / 16
DESIGNS = {"quilts": {}, "windows": {"networks.windows": 2}}


def measure(design: str, name: str, seed: int) -> dict:
    """One texture by one design; by "quilting" without a generator."""
    source = read_textures([textures()[name]])[0].pixels
    edge = round(LEARNT * source.shape[1])
    rest, held = source[:, :edge], source[:, edge:]
    file = WORK / "held" / f"{store.slug(name)}.png"
    write_png(file, rest)
    began = time.process_time()
    if design == "quilting":
        drawer = patterns.Quilts(read_textures([file]))
    else:
        overrides = {**QUIET, **DESIGNS[design]}
        folder = WORK / f"held-{design}-{store.slug(name)}-{seed}"
        drawer = patterns.learn_tiles(
            file, folder, kimg=KIMG, seed=seed, quilts=512, overrides=overrides
        )
    drawn = [drawer.draw((256, 256), 0, TILES * seed + k) for k in range(TILES)]
    large = drawer.draw((1024, 1024), 0, seed)
    spent = time.process_time() - began
    found = distances(held, drawn, [rest], np.random.default_rng(seed))
    return {
        "design": design, "texture": name, "seed": seed, "cpu_seconds": spent,
        "distance": found["frechet"], "rest": found["quilt"],
        "structure": patterns.Likeness(rest).distance(large), "repeats": patterns.repeats(large),
    }  # fmt: skip


def write_up(rows: list[dict]) -> str:
    """A line for each engine, over the textures that it has measured and quilting has, too."""
    by = {(row["design"], row["texture"]): row for row in rows if row["seed"] == 0}
    lines = []
    for design in ("quilting", *DESIGNS):
        names = [n for d, n in by if d == design and ("quilting", n) in by]
        if not names:
            continue
        own, plain = ([by[d, n] for n in names] for d in (design, "quilting"))
        pairs = list(zip(own, plain, strict=True))
        better = sum(a["distance"] < b["distance"] for a, b in pairs)
        lines.append([
            design, str(len(own)), *(_median(own, key) for key in ("distance", "rest")),
            "-" if design == "quilting" else f"{better} of {len(own)}",
            f"{_median(own, 'structure')} ({sum(r['structure'] <= ALIKE for r in own)} alike)",
            f"{_median(own, 'repeats')} against {_median(plain, 'repeats')}",
            f"{np.median([r['cpu_seconds'] for r in own]):.0f} s",
        ])  # fmt: skip
    head = ["engine", "textures", "patch distance to the held-out region", "the learnt part's",
            "nearer than quilting", "structure", "repeats, against quilting's", "CPU"]  # fmt: skip
    return "Medians over textures, one seed.\n\n" + store.markdown(head, lines)


def _median(rows: list[dict], key: str) -> str:
    return f"{np.median([row[key] for row in rows]):.2f}"


def main() -> None:
    options = parser(__doc__, seeds=1).parse_args()
    if not (DATA / "propaganda_textures.zip").exists():
        print(f"{DATA} is absent: set GANVAS_DATA")
        return
    jobs = [
        (design, name, seed)
        for seed in range(options.seeds)
        for name in textures()
        for design in ("quilting", *DESIGNS)
    ]
    rows = run_all("patterns_held", jobs, measure, options)
    store.write_table("patterns_held", write_up(rows))


if __name__ == "__main__":
    main()
