"""The ward: planted sick runs and healthy ones, and whether the doctor tells them apart.

    python benchmarks/doctor.py [--part 0/2] [--only NAME] [--seeds 5]

Sick runs of `quick` on MNIST with one fault each, from the start or setting in in the middle, and
some on emoji at 32 px (`noto_emoji_64.npz` under $GANVAS_DATA, default ../shared/data; left out
where that is absent); healthy runs over all recipes. A plant counts only if it ends sick: at least
3 times the median Frechet distance of healthy runs (of emoji: of the kernel distance). Rates come
with Clopper-Pearson intervals. Thresholds (doctor/diseases.py) were set on even seeds; odd seeds
are reported apart.

Each run is a file in results/doctor/, and is not made again: its log, rounded, is what the doctor
reads. Writes results/doctor.md.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ganvas
from ganvas.errors import Diverged
from jobs import parser, run_all

EMOJI = Path(os.environ.get("GANVAS_DATA", "../shared/data")) / "noto_emoji_64.npz"
KIMG = 32
BASE = {"train.kimg": KIMG, "train.tick_kimg": 1.6, "scores.times": 1, "watch.grids": 1,
        "watch.tensorboard": False}  # fmt: skip
STRONG = {"penalties": [], "loss": "nonsaturating", "networks.norm": "none",
          "networks.minibatch": "none", "train.learning_rate": 2e-4}  # fmt: skip
FAULTS: dict[str, tuple[dict, tuple[str, ...]]] = {
    # what is set, and the diseases that name it rightly
    "discriminator too strong": (
        {**STRONG, "train.discriminator_learning_rate": 2e-2},
        ("vanishing_gradient", "mode_collapse", "divergence"),
    ),
    "discriminator too weak": (
        {"train.discriminator_learning_rate": 2e-6}, ("discriminator_collapse",)
    ),
    "generator's rate x 100": (
        {"train.learning_rate": 0.2}, ("mode_collapse", "oscillation", "divergence")
    ),
    "discriminator's rate x 100": (
        {"train.discriminator_learning_rate": 0.4},
        ("divergence", "vanishing_gradient", "discriminator_collapse"),
    ),
    "wasserstein, no bound": (
        {"loss": "wasserstein", "penalties": []}, ("divergence", "oscillation", "mode_collapse")
    ),
    "beta1 0.9": ({"train.beta1": 0.9, "penalties": []}, ("oscillation", "mode_collapse")),
    "generator far too small": (
        {"networks.width": 1, "networks.noise": 1}, ("mode_collapse", "vanishing_gradient")
    ),
    "50 images": ({}, ("bad_data", "overfitting")),
    "discriminator frozen": (
        {"train.discriminator_learning_rate": 1e-12}, ("discriminator_collapse",)
    ),
    "saturating loss": ({**STRONG, "loss": "saturating"}, ("vanishing_gradient", "mode_collapse")),
    "NaN": ({}, ("divergence",)),
}  # fmt: skip
LATE = [name for name in FAULTS if name not in ("generator far too small", "50 images")]
HEALTHY = {  # how many of each
    "quick": 7, "quick unlabelled": 7, "conditional": 3, "lsgan": 3, "minibatch": 3, "sngan": 3,
    "wgan": 3, "wgan-gp": 3, "r3gan": 2, "small-folder": 2, "rgb64": 1, "quick emoji": 3,
}  # fmt: skip
SLOW = ("r3gan", "wgan-gp", "small-folder", "rgb64")  # half as long


def play(kind: str, fault: str, seed: int) -> dict:
    """kind: "early", "late", "emoji" or "healthy"; fault: of the table, or a recipe."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        values = {**BASE, "train.seed": seed}
        data, recipe = "mnist", "quick"
        if kind == "healthy":
            recipe = fault.partition(" ")[0]
            values |= {"data.labels": "unlabelled" not in fault}
        else:
            values |= FAULTS[fault][0] if kind != "late" else {}
        if "emoji" in (kind, *fault.split()):
            data, values = f"{EMOJI}", {**values, "data.size": 32, "train.kimg": KIMG / 2}
        if recipe in SLOW:
            values["train.kimg"] = KIMG / 2
        if fault == "50 images":
            images, labels = ganvas.data.mnist.mnist("train")
            data, values = (images[50 * seed :][:50], labels[50 * seed :][:50]), {**values}
        try:
            if kind == "late" or fault == "NaN":
                late(run, fault, values)
            else:
                ganvas.train(data, recipe, run=run, set=values, progress=False)
        except Diverged:
            pass
        done = ganvas.Run(run)
        rows = [{k: shorter(v) for k, v in row.items()} for row in done.rows()]
        return {
            "kind": kind, "fault": fault, "seed": seed, "status": done.info["status"],
            "diverged": done.info.get("diverged"), "kimg": values["train.kimg"],
            "data": done.read_json("data.json"),
            "rows": rows,
        }  # fmt: skip


def late(run: Path, fault: str, values: dict) -> None:
    """A healthy first half; then the fault, written into its recipe or its weights."""
    ganvas.train("mnist", "quick", run=run, set={**values, "train.kimg": KIMG / 2}, progress=False)
    old = ganvas.Run(run)
    fits = {k: v for k, v in FAULTS[fault][0].items() if not k.startswith("networks.")}
    changed = old.config.with_values({**fits, "train.kimg": KIMG})
    old.write("config.toml", changed.toml())
    if fault == "NaN":
        path = old.states()[-1]
        with np.load(path) as arrays:
            state = dict(arrays)
        state["generator/000"] = state["generator/000"] * np.nan
        shutil.rmtree(path.parent)
        path.parent.mkdir()
        old.save_state(int(path.stem), state)
    ganvas.resume(run, progress=False)


def shorter(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value


def jobs(seeds: int) -> list[tuple[str, str, int]]:
    """Fewer seeds of what takes minutes; 40 healthy runs in all."""
    mine: list[tuple[str, str, int]] = []
    for seed in range(seeds):
        mine += [("early", fault, seed) for fault in FAULTS if fault != "NaN"]
        if seed < 3:
            mine += [("late", fault, seed) for fault in LATE]
            mine += [("emoji", fault, seed) for fault in list(FAULTS)[:4] if EMOJI.exists()]
    for recipe, count in HEALTHY.items():
        if "emoji" not in recipe or EMOJI.exists():
            mine += [("healthy", recipe, seed) for seed in range(count)]
    return mine


if __name__ == "__main__":
    options = parser(__doc__, seeds=5)
    chosen = options.parse_args()
    run_all("doctor", jobs(chosen.seeds), play, chosen)
