"""Whether a long run gets worse with time: one run whose schedules end at the last mark, scored at
every mark.

    GANVAS_JUDGE=effnet_lite2_imagenet_weights.npz python benchmarks/never_worse.py \\
        [--seeds 3] [--only mnist] [--label today] [--core 0]

A run is a set of images, its recipe and a seed. Marks are CPU seconds of training on one core, the
doctor's signals included; compiling, drawing and scoring do not count (`board_clock.py`). MNIST has
its labels, and is scored as in `time_to_quality.py`: 10,000 images, the Fréchet distance in digit
features over the floor. Emoji and CIFAR are scored by `judge.py`: KID × 1000 of 2,000 images; they
are left out where $GANVAS_DATA lacks them or $GANVAS_JUDGE names no file. The doctor reads the log
after each tick; the kimg at which it is first certain of a failure is kept.

Each run is a line of results/never_worse.jsonl, and is not made again. `--label` names the version
of this package: another label is measured anew and stands beside. Writes results/never_worse.md,
and in docs/pictures/never_worse/ the images of seed 0 at each mark.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from board_clock import Piece, pin, play

if __name__ == "__main__":
    pin(int(sys.argv[sys.argv.index("--core") + 1]) if "--core" in sys.argv else 0)

import numpy as np

import board_folders
import ganvas
import judge
import store
from board_own import Own
from digits import DigitScores
from ganvas import images as pictures
from ganvas.doctor import examine
from ganvas.training.callbacks import Signals
from jobs import parser, run_all

TOPIC = "never_worse"
COLOUR = (60, 120, 180, 300, 450, 600, 900)
MARKS = {"mnist": (*COLOUR, 1200), "emoji": COLOUR, "cifar": COLOUR}


@cache
def arrays(data: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Training images, their labels, held-out images."""
    if data == "mnist":
        images, labels = ganvas.data.mnist.mnist("train")
        return images, labels, images[:0]
    return board_folders.arrays(data)


@cache
def scorer(data: str) -> Callable[[np.ndarray], float]:
    """uint8 images -> their score; less is better."""
    if data == "mnist":
        digits = DigitScores()
        return lambda images: digits.score(pictures.to_float(images)) / digits.floor
    images, _, held = arrays(data)
    chosen = judge.Judge(images, held)
    return lambda images: chosen.scores(images)["kid"][0]


class Watched(Own):
    """With the doctor's signals after each tick.

    Attributes: rows (of the log).
    """

    def __init__(self, piece: Piece, chunks: int | None) -> None:
        super().__init__(piece, chunks)
        self.rows: list[dict] = []
        self.signals = Signals(None, self.plan, self.sampler, self.source)
        self.signals.set_model(self.gan)
        self.signals.on_train_begin()
        self.gan.reset_metrics()

    def chunk(self) -> None:
        logs = self.train()
        step = int(self.gan.step.numpy())
        if step % self.plan.tick == 0:
            logs |= self.signals.tick(step, logs)
            self.rows.append({"step": step, "kimg": self.plan.kimg(step), **logs})
            self.gan.reset_metrics()


def contest(data: str, label: str, seed: int, core: int = 0) -> dict:
    recipe = board_folders.FOLDERS[data].recipe if data in board_folders.FOLDERS else "quick"
    about = {"recipe": recipe, "overrides": {}, "start_from": "none"}
    games: list[Watched] = []  # the first one measures the pace

    def make(chunks: int | None) -> Watched:
        games.append(Watched(piece, chunks))
        return games[-1]

    with tempfile.TemporaryDirectory() as place:
        images, labels, _ = arrays(data)
        np.savez(f"{place}/data.npz", x=images, **({} if labels is None else {"y": labels}))
        marks, count = list(MARKS[data]), 10_000 if data == "mnist" else 2000
        piece = Piece(about, f"{place}/data.npz", "", place, seed, marks, count, core)
        play(piece, make)
        row = json.loads(Path(place, "row.json").read_text())
        for mark in row["marks"]:
            with np.load(f"{place}/{mark['mark']:g}.npz") as file:
                fakes = file["x"]
            mark["score"] = round(scorer(data)(fakes), 3)
            if seed == 0:
                to = store.picture(TOPIC, f"{data}-{label}-{mark['mark']:g}s")
                pictures.write_png(to, pictures.grid(fakes[:100]))
    rows = games[-1].rows
    return {"data": data, "label": label, "seed": seed, **row, "found": found(rows),
            "rows": [{k: float(f"{v:.4g}") for k, v in tick.items()} for tick in rows]}  # fmt: skip


def found(rows: list[dict]) -> dict[str, float]:
    """Failure -> the kimg at which the doctor first was certain of it."""
    first: dict[str, float] = {}
    for end in range(1, len(rows) + 1):
        for finding in examine(rows[:end]):
            if finding.severity == "certain":
                first.setdefault(finding.failure, rows[end - 1]["kimg"])
    return first


def worst(scores: list[float]) -> float:
    """The largest score of a mark over the best one before it."""
    return max(now / min(scores[: at + 1]) for at, now in enumerate(scores[1:]))


def table(runs: list[dict]) -> str:
    marks = MARKS["mnist"]
    head = ["images", "version", "seed", *(f"{mark} s" for mark in marks), "worst", "doctor"]
    rows = []
    for run in runs:
        scores = {mark["mark"]: mark["score"] for mark in run["marks"]}
        form = ".2f" if run["data"] == "mnist" else ",.0f"
        cells = [format(scores[mark], form) if mark in scores else "-" for mark in marks]
        said = ", ".join(f"{name} at {kimg:g} kimg" for name, kimg in run["found"].items())
        rows.append([run["data"], run["label"], f"{run['seed']}", *cells,
                     f"{worst(list(scores.values())):.2f}", said or "healthy"])  # fmt: skip
    return store.markdown(head, rows)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--label", default="today", help="names the version of this package")
    options.add_argument("--core", type=int, default=0)
    chosen = options.parse_args()
    there = ["mnist"]
    if judge.weights():
        there += [name for name in ("emoji", "cifar") if board_folders.FOLDERS[name].there]
    jobs = [(data, chosen.label, seed) for data in there for seed in range(chosen.seeds)]
    runs = run_all(TOPIC, jobs, lambda *job: contest(*job, chosen.core), chosen)
    store.write_table(TOPIC, table(runs))


if __name__ == "__main__":
    main()
