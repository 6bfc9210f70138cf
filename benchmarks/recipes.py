"""Recipes once each, as its header says, and what it scored.

    python benchmarks/recipes.py [--only wgan] [--kimg 100]

Trains through the same functions as `ganvas train`. MNIST is scored by the Fréchet distance in the
features of a small digit classifier that is trained here, as a multiple of the floor (real
training images). `small-folder` and `rgb64` learn from emoji (`noto_emoji_64.npz` under
$GANVAS_DATA, default ../shared/data; skipped where that is absent), scored by the Fréchet
distance in the first 64 principal components of the pixels of real images, as a multiple of the
floor (one half of the real images against the other). Each recipe is a line of
results/recipes.jsonl, and is not trained again. Writes results/recipes.md and
docs/pictures/recipes/NAME.png.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from digits import DigitScores, frechet
from ganvas import images as pictures
from ganvas.config import load_recipe, recipe_names
from ganvas.sampling.sampler import Sampler
from ganvas.training.assembly import assemble
from ganvas.training.train import prepare
from jobs import parser, run_all

EMOJI = Path(os.environ.get("GANVAS_DATA", "../shared/data")) / "noto_emoji_64.npz"
OWN = {"small-folder": 1000, "rgb64": None}
"""Recipes that are not for MNIST, and how many emoji they learn from."""
TIMED = ("classic", "quick", "warm")
"""Recipes that time_to_quality.py measures."""


@cache
def digit_scores() -> DigitScores:
    return DigitScores()


@cache
def emoji() -> np.ndarray:
    """uint8 [N, 64, 64, 3], on white, in random order."""
    with np.load(EMOJI) as arrays:
        pixels = next(arrays[name] for name in arrays if arrays[name].ndim == 4).astype(np.float32)
    alpha = pixels[..., 3:] / 255
    flat = (pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return flat[np.random.default_rng(0).permutation(len(flat))]


class Components:
    """Fréchet distance in principal components of the pixels."""

    def __init__(self, real: np.ndarray, count: int = 64):
        flat = self.flatten(real)
        self.mean = flat.mean(axis=0)
        _, _, vectors = np.linalg.svd(flat - self.mean, full_matrices=False)
        self.vectors = vectors[:count].T
        self.floor = frechet(self.moments(real[::2]), self.moments(real[1::2]))
        self.reference = self.moments(real)

    @staticmethod
    def flatten(images: np.ndarray) -> np.ndarray:
        halved = images.reshape(len(images), 32, 2, 32, 2, -1).mean(axis=(2, 4))
        return halved.reshape(len(images), -1) / 255

    def moments(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = (self.flatten(images) - self.mean) @ self.vectors
        return rows.mean(axis=0), np.cov(rows, rowvar=False)

    def score(self, images: np.ndarray) -> float:
        return frechet(self.moments(images), self.reference)


def play(name: str, kimg: float | None) -> dict:
    config = load_recipe(name)
    if kimg:
        config = config.with_values({"train.kimg": kimg})
    data = emoji()[: OWN[name]] if name in OWN else "mnist"
    config, source = prepare(data, config, None)
    gan, plan = assemble(config, source)
    began = time.perf_counter()
    done = 0
    for stretch in plan.stretches(0):
        gan.warm_up(stretch.warming_up)
        stream = source.stream(plan.batch * plan.turns, 0, plan.position(done))
        history = gan.fit(stream, epochs=stretch.ticks, steps_per_epoch=stretch.steps,
                          shuffle=False, verbose=0)  # fmt: skip
        done += stretch.ticks * stretch.steps
    seconds = time.perf_counter() - began
    sampler = Sampler(gan.ema_generator, source.names, source.class_shares)
    drawn = sampler.sample(2_000 if name in OWN else 10_000, seed=1)
    pictures.write_png(store.picture("recipes", name), pictures.grid(drawn[:100], 10))
    if name in OWN:
        components = Components(data)
        score = components.score(drawn) / components.floor
    else:
        score = digit_scores().score(pictures.to_float(drawn)) / digit_scores().floor
    last = {key: round(float(values[-1]), 3) for key, values in history.history.items()}
    return {
        "name": name, "images": source.count, "kimg": round(plan.kimg(plan.total), 1),
        "seconds": round(seconds), "ms_per_step": round(1000 * seconds / plan.total, 1),
        "times_floor": round(score, 2), "last": last,
    }  # fmt: skip


def main() -> None:
    options = parser(__doc__, seeds=1)
    options.add_argument("--kimg", type=float)
    chosen = options.parse_args()
    names = [n for n in recipe_names() if n not in TIMED and (n not in OWN or EMOJI.exists())]
    rows = run_all("recipes", [(name,) for name in names], lambda n: play(n, chosen.kimg), chosen)
    keys = ("name", "images", "kimg", "seconds", "ms_per_step", "times_floor")
    table = store.markdown(keys, [[str(row[key]) for key in keys] for row in rows])
    store.write_table("recipes", table)


if __name__ == "__main__":
    main()
