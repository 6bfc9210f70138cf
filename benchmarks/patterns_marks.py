"""Marks composed of SVG drawings against the set they come from.

    GANVAS_SVG=simple-icons/package/icons python benchmarks/patterns_marks.py

Every second file of the npm package simple-icons 16.37.0 (CC0; the drawings are trademarks, which
are not part of this repository: `npm pack simple-icons`). Composed marks, 400 of each kind, against
the half of the set that no choice depends on: precision, recall and coverage in the features
`general`. "any" takes the marks as the grammar makes them, "typical" those that the kit keeps.
"drawings" is the other half of the set in their place. Writes results/patterns_marks.md.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import store
from ganvas.kits import patterns
from ganvas.kits.patterns.composer import dark, svg_files, svg_of
from jobs import parser, run_all

SVG = Path(os.environ.get("GANVAS_SVG", "../simple-icons/icons"))
COUNT = 400
NAMES = ("precision", "recall", "coverage")


def measure(part: str, seed: int) -> dict:
    files = svg_files(SVG)[::2]
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        began = time.process_time()
        composer = patterns.learn_marks(folder, seed=seed)
        learnt = time.process_time() - began
    composed = composer.compose(COUNT, seed)
    seconds = time.process_time() - began - learnt
    reference = composer.reference
    pictures = dark([mark.picture for mark in islice(composer.grammar.marks(seed + 1), COUNT)])
    found = reference.features_of(pictures)
    scores = {"any": reference.scores(pictures, found, seed),
              "typical": composer.scores(composed, seed)}  # fmt: skip
    rows = {
        name: {key: (some[key].value, some[key].low, some[key].high) for key in NAMES}
        for name, some in scores.items()
    }
    rows["drawings"] = {key: (scores["typical"][key].floor,) for key in NAMES}
    return {
        "part": part, "seed": seed, "drawings": len(files), "parts": len(composer.grammar.parts),
        "scores": rows, "copies": composed.refused, "copies_of_any": int(
            reference.copied(pictures, found).sum()),
        "learn_seconds": learnt, "compose_seconds": seconds,
        "bytes": sum(len(svg_of(m, "#1c1c1c")) for m in composed.marks) / COUNT,
    }  # fmt: skip


def write_up(row: dict) -> str:
    lines = [
        [name, *(_shown(values[key]) for key in NAMES)] for name, values in row["scores"].items()
    ]
    return (
        f"{row['drawings']} drawings, {row['parts']} parts; {COUNT} marks of each kind. Learning "
        f"took {row['learn_seconds']:.0f} CPU s, composing {row['compose_seconds']:.0f}. An SVG "
        f"file has {row['bytes']:.0f} bytes on average. Near-copies among {COUNT} marks of any "
        f"kind: {row['copies_of_any']}.\n\n" + store.markdown(["marks", *NAMES], lines)
    )


def _shown(values: list[float]) -> str:
    shown = [f"{value:.2f}" for value in values if value is not None]
    return shown[0] + (f" ({shown[1]} to {shown[2]})" if len(shown) == 3 else "")


def main() -> None:
    options = parser(__doc__, seeds=1).parse_args()
    if not SVG.is_dir():
        print(f"{SVG} is absent: set GANVAS_SVG")
        return
    jobs = [("icons", seed) for seed in range(options.seeds)]
    rows = run_all("patterns_marks", jobs, measure, options)
    store.write_table("patterns_marks", write_up(rows[0]))


if __name__ == "__main__":
    main()
