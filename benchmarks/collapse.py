"""One run that collapses, and what each textbook remedy does to it.

    python benchmarks/collapse.py [--seeds 3] [--part 0/2] [--only REMEDY]

MNIST without labels, a DCGAN without any normalisation, cross-entropy, 3,000 generator steps of
64 images; then the same with one remedy (the Wasserstein loss with all that its paper asks for:
clipped weights, five turns, RMSProp). Scored on 10,000 images of the averaged
generator by a small digit classifier that is trained here: digits that at least 2 % of the images
show (of 10), the Fréchet distance in its features over that of real training images (the floor),
and spread: the mean distance between two images over that between two real ones.

Each run is a line of results/collapse.jsonl, and is not run again. Writes results/collapse.md and
docs/pictures/collapse.png: the last images of the first seed, a row per remedy; each row is
a picture in docs/pictures/collapse/.
"""

from __future__ import annotations

import os
import time
from functools import cache

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from digits import DigitScores
from ganvas import images as pictures
from ganvas.config import parse
from ganvas.sampling.sampler import Sampler
from ganvas.training.assembly import assemble
from ganvas.training.train import prepare
from jobs import interval, parser, pick, run_all

STEPS, BATCH = 3000, 64

UNSTABLE = {
    "recipe": "collapse",
    "loss": "nonsaturating",
    "networks": {"name": "dcgan", "noise": 64, "width": 16, "discriminator_width": 32,
                 "norm": "none"},
    "data": {"labels": False},
    "train": {"batch": BATCH, "learning_rate": 1e-3, "beta1": 0.5, "steps_per_execution": 50,
              "kimg": STEPS * BATCH / 1000},
}  # fmt: skip
REMEDIES: dict[str, dict] = {
    "nothing": {},
    "Wasserstein, clipped": {
        "loss": "wasserstein",
        "train.clip": 0.01,
        "train.discriminator_steps": 5,
        "train.optimizer": "rmsprop",
        "train.learning_rate": 5e-4,
    },
    "gradient penalty": {"penalties": [{"name": "gradient", "weight": 10.0}]},
    "batch normalisation": {"networks.norm": "batch", "networks.discriminator_norm": "batch"},
    "minibatch discrimination": {"networks.minibatch": "discrimination"},
    "spectral normalisation": {"networks.discriminator_norm": "spectral"},
}


@cache
def digit_scores() -> DigitScores:
    return DigitScores()


def play(remedy: str, seed: int) -> dict:
    config = parse(UNSTABLE).with_values({**REMEDIES[remedy], "train.seed": seed})
    config, source = prepare("mnist", config, None)
    gan, plan = assemble(config, source)
    began = time.perf_counter()
    history = gan.fit(
        source.stream(plan.batch * plan.turns, seed),
        epochs=STEPS // 100, steps_per_epoch=100, shuffle=False, verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    drawn = Sampler(gan.ema_generator).sample(10_000, seed=1)
    if seed == 0:
        row = pictures.grid(drawn[:20], 20, gap=1)
        pictures.write_png(store.picture("collapse", remedy), row)
    last = {name: round(values[-1], 3) for name, values in history.history.items()}
    return {"remedy": remedy, "seed": seed, "seconds": round(seconds, 1), **score(drawn),
            "discriminator": last["discriminator"], "generator": last["generator"]}  # fmt: skip


def score(drawn: np.ndarray) -> dict:
    scores, shown = digit_scores(), pictures.to_float(drawn)
    shares = np.bincount(scores.digits(shown), minlength=10) / len(drawn)
    return {
        "digits": int((shares >= 0.02).sum()),
        "times_floor": round(scores.score(shown) / scores.floor, 2),
        "spread": round(spread(drawn) / spread(pictures.to_uint8(scores.train[0][:10_000])), 3),
    }


def spread(drawn: np.ndarray) -> float:
    """Mean Euclidean distance between neighbours of the order they come in."""
    flat = drawn.reshape(len(drawn), -1).astype(np.float32)
    return float(np.linalg.norm(flat[::2] - flat[1::2], axis=1).mean())


def table(runs: list[dict]) -> str:
    keys = {"digits": ".1f", "times_floor": ".1f", "spread": ".2f", "seconds": ".0f"}
    rows = [
        [remedy, *(interval(pick(runs, key, remedy=remedy), form) for key, form in keys.items())]
        for remedy in REMEDIES
    ]
    return store.markdown(
        ["remedy", "digits of 10", "Fréchet, times the floor", "spread", "s"], rows
    )


def picture() -> None:
    """The first seed's images below each other, in the order of REMEDIES."""
    rows = [store.picture("collapse", remedy) for remedy in REMEDIES]
    if all(row.exists() for row in rows):
        strips = np.stack([pictures.read(row) for row in rows])
        pictures.write_png(store.PICTURES / "collapse.png", pictures.grid(strips, 1, gap=6))


def main() -> None:
    options = parser(__doc__).parse_args()
    jobs = [(remedy, seed) for seed in range(options.seeds) for remedy in REMEDIES]
    runs = run_all("collapse", jobs, play, options)
    store.write_table("collapse", table(runs))
    picture()


if __name__ == "__main__":
    main()
