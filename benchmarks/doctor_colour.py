"""The doctor on emoji and CIFAR: runs with one injected fault each, and healthy ones.

    python benchmarks/doctor_colour.py [--part 0/2] [--only NAME] [--seeds 2]

The faults are those of doctor.py, in runs of `quick` on emoji and CIFAR (board_folders.py), all at
32 px with half of the channels, of 16 kimg in ten ticks, from the start or from the middle; the
first half of the latter is one healthy run of each seed. Healthy runs: 20 recipes and seeds on each
of the two, and 20 runs of `finetune` from the nearest pretrained pair on ten folders (kind
"transfer"), of five ticks.

A fault counts only if its run fails: if it ends at twice the median Frechet distance of healthy
runs of `quick` or more, in 64 principal components of pixels, which no signal reads. (Twice, not 3
times as on MNIST: on CIFAR images of a single colour have less than 3 times the distance of a
healthy run that is so short.) Of the thresholds (doctor/failures.py) one was set on these runs, on
emoji with seed 0: the diversity in frozen features. That the first tick shows no stall was decided
after seed 0 of both.

Each run is a line of results/doctor_colour.jsonl, and is not made again: its log, rounded, is what
the doctor reads. Writes results/doctor_colour.md.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import board_folders
import ganvas
import store
from doctor import FAULTS, LATE, broken_weights, shorter, tabulated
from ganvas.config import load_recipe
from ganvas.errors import Diverged
from ganvas.images import refit
from jobs import parser, run_all

SETS = ("emoji", "cifar")
SIDE, KIMG, TICK = 32, 16.0, 1.6
FAKES = 512
FAILED = 2.0  # times the healthy median: the run failed
HEALTHY = {  # how many of each, on each set
    "quick": 6, "minibatch": 3, "rgb64": 3, "lsgan": 2, "quick unlabelled": 1, "wgan": 1,
    "wgan-gp": 1, "sngan": 1, "small-folder": 1, "r3gan": 1,
}  # fmt: skip
SHORT = ("r3gan", "wgan-gp", "small-folder", "rgb64", "sngan")  # half as long
SLOW = ("r3gan", "small-folder", "sngan")
TRANSFER = {"emoji-400": 2, "cifar-400": 2, "emoji-2000": 2, "cifar-2000": 2, "emoji": 2,
            "cifar": 2, "xrays": 2, "faces": 2, "icons": 2, "textures": 2}  # fmt: skip
HALF = {"networks.width": 16, "networks.discriminator_width": 16, "networks.max_width": 128}
BASE = {"data.size": SIDE, "train.kimg": KIMG, "train.tick_kimg": TICK, "scores.times": 0,
        "watch.grids": 1, "watch.tensorboard": False}  # fmt: skip


def play(kind: str, name: str, fault: str, seed: int) -> dict:
    """kind: "early", "late", "healthy" or "transfer"; fault: of the table, or a recipe."""
    values = {**BASE, "train.seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        try:
            if kind == "late":
                late(run, name, fault, values)
            else:
                recipe = "quick" if kind == "early" else fault.partition(" ")[0]
                values |= half_width(recipe) if kind != "transfer" else {}
                values |= FAULTS[fault][0] if kind == "early" else {}
                if "unlabelled" in fault:
                    values |= {"data.labels": False, "data.clusters": 0}
                if recipe in SHORT or kind == "transfer":
                    values["train.kimg"] = KIMG / 2
                begin = "auto" if kind == "transfer" else None
                ganvas.train(images(name), recipe, run=run, overrides=values, progress=False,
                             start_from=begin)  # fmt: skip
        except Diverged:
            pass
        done = ganvas.Run(run)
        rows = [{k: shorter(v) for k, v in row.items()} for row in done.rows()]
        return {
            "kind": kind, "set": name, "fault": fault, "seed": seed,
            "status": done.info["status"], "diverged": done.info.get("diverged"),
            "kimg": values["train.kimg"], "data": done.read_json("data.json"),
            "frechet": shorter(quality(done, name)), "rows": rows,
        }  # fmt: skip


def half_width(recipe: str) -> dict:
    """Half of the channels, where the recipe has not fewer by itself."""
    networks = load_recipe(recipe).networks
    return HALF if not isinstance(networks, dict) or networks["name"] == "dcgan" else {}


def images(name: str):
    pixels, labels, _ = board_folders.arrays(name)
    return pixels if labels is None else (pixels, labels)


def quality(run: ganvas.Run, name: str) -> float | None:
    """Frechet distance of the run's images in components of pixels; None if it has none."""
    if run.info["status"] == "diverged":
        return None
    return components(name).distance(ganvas.load(run).sample(FAKES, seed=1))


@cache
def components(name: str):
    from judge import Components

    pixels = board_folders.arrays(name)[0][:2000]
    return Components.of(np.stack([refit(one, (SIDE, SIDE), pixels.shape[3]) for one in pixels]))


HALVES = Path(tempfile.gettempdir()) / "doctor_colour"


def half(name: str, seed: int, values: dict) -> Path:
    """A healthy run of half the length, made once."""
    place = HALVES / f"{name}-{seed}"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        values = {**values, **HALF, "train.kimg": KIMG / 2}
        ganvas.train(images(name), "quick", run=place / "run", overrides=values, progress=False)
        (place / "done").touch()
    return place / "run"


def late(run: Path, name: str, fault: str, values: dict) -> None:
    """A healthy first half; then the fault, written into its recipe or its weights."""
    shutil.copytree(half(name, seed=values["train.seed"], values=values), run)
    old = ganvas.Run(run)
    fits = {k: v for k, v in FAULTS[fault][0].items() if not k.startswith("networks.")}
    old.write("config.toml", old.config.with_values({**fits, "train.kimg": KIMG}).toml())
    if fault == "NaN":
        broken_weights(old)
    ganvas.resume(run, data=images(name), progress=False)


def jobs(seeds: int) -> list[tuple[str, str, str, int]]:
    """The first seed of all first, and what takes longest last."""
    mine: list[tuple[str, str, str, int]] = []
    for seed in range(max(seeds, *HEALTHY.values())):
        for name in SETS:
            mine += [("healthy", name, r, seed) for r, count in HEALTHY.items() if seed < count]
            if seed < seeds:
                faults = [f for f in FAULTS if f not in ("NaN", "50 images")]
                mine += [("early", name, fault, seed) for fault in faults]
                mine += [("late", name, fault, seed) for fault in LATE]
        mine += [("transfer", f, "finetune", seed) for f, c in TRANSFER.items() if seed < c]
    mine.sort(key=lambda job: job[2] in SLOW)
    return [job for job in mine if board_folders.ALL[job[1]].there]


def measured(runs: list[dict]) -> tuple[str, str]:
    """Sentences, and the table of injected faults."""
    well = {
        name: np.median([one["frechet"] for one in runs if healthy_quick(one, name)])
        for name in SETS
    }

    def fails(run: dict) -> bool:
        return run["frechet"] is None or run["frechet"] >= FAILED * well[run["set"]]

    return tabulated(runs, fails)


def healthy_quick(run: dict, name: str) -> bool:
    return (run["kind"], run["fault"], run["set"]) == ("healthy", "quick", name)


def main() -> None:
    chosen = parser(__doc__, seeds=2).parse_args()
    runs = run_all("doctor_colour", jobs(chosen.seeds), play, chosen)
    sentences, table = measured(runs)
    store.write_table("doctor_colour", f"{sentences}\n\n{table}")


if __name__ == "__main__":
    main()
