"""How many modes each remedy keeps: two digits stacked (100 modes), three (1,000).

    python benchmarks/stacked_mnist.py [--seeds 3] [--part 0/2] [--only METHOD]

Stacked MNIST (Metz et al. 2017, arXiv:1611.02163): random digits as the channels of an image;
26,000 generated images, each channel named by a digit classifier that is trained here. Modes
found, and the Kullback-Leibler divergence of the modes' shares to those of the training images,
in nats. The floor is that of 26,000 real images; the classifier's own accuracy stands beside.

Reduced budget, the same for all methods: STEPS generator steps of 64 images, DCGANs of width 16;
one discriminator turn a step, but where the method is defined by five, those are paid for by five
times fewer generator steps. The ablation of R3GAN (Huang et al. 2024, arXiv:2501.05441,
table 1) keeps what it is about, the loss and its penalties on networks without normalisation;
its residual networks cost ten times as much a step and are not used.

Each run is a line of results/stacked_mnist.jsonl, and is not run again. Writes
results/stacked_mnist.md and docs/pictures/stacked_mnist/: images of the first seed.
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

STEPS, BATCH, DRAWN = 4000, 64, 26_000
DCGAN = {"name": "dcgan", "noise": 64, "width": 16, "discriminator_width": 16}
PLAIN = {**DCGAN, "norm": "none"}
R1, R2 = {"name": "r1", "weight": 1.0}, {"name": "r2", "weight": 1.0}
CRITIC = {"train.discriminator_steps": 5, "train.learning_rate": 1e-3}
METHODS: dict[str, dict] = {
    "DCGAN": {},
    "+ minibatch discrimination": {"networks.minibatch": "discrimination"},
    "+ minibatch std": {"networks.minibatch": "std"},
    "+ packs of 2": {"networks.pack": 2},
    "WGAN-GP": {"loss": "wasserstein", "penalties": [{"name": "gradient"}], **CRITIC},
    "hinge, spectral norm": {"loss": "hinge", "networks.discriminator_norm": "spectral"},
    "relativistic + R1": {"loss": "relativistic", "networks": PLAIN, "penalties": [R1]},
    "relativistic + R1 + R2": {"loss": "relativistic", "networks": PLAIN, "penalties": [R1, R2]},
    "relativistic + lazy R1 + R2": {
        "loss": "relativistic", "networks": PLAIN,
        "penalties": [{**one, "every": 8} for one in (R1, R2)],
    },
}  # fmt: skip
THOUSAND = ("DCGAN", "relativistic + R1", "relativistic + R1 + R2", "relativistic + lazy R1 + R2")


@cache
def digit_scores() -> DigitScores:
    return DigitScores()


@cache
def stacked(count: int, part: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [n, 28, 28, count] and the mode of each, int [n]."""
    images, labels = getattr(digit_scores(), part)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(images), (count, n))
    pixels = pictures.to_uint8(images[..., 0])
    modes = sum(labels[row].astype(int) * 10**place for place, row in enumerate(chosen))
    return np.stack([pixels[row] for row in chosen], axis=-1), modes


def named(drawn: np.ndarray) -> np.ndarray:
    """The mode that the classifier sees in each image."""
    channels = np.moveaxis(pictures.to_float(drawn), -1, 0)[..., None]
    return sum(digit_scores().digits(channel) * 10**place for place, channel in enumerate(channels))


def play(count: int, method: str, seed: int) -> dict:
    changes = METHODS[method]
    turns = changes.get("train.discriminator_steps", 1)
    steps = STEPS // turns
    config = parse(
        {
            "loss": "nonsaturating",
            "networks": DCGAN,
            "train": {"batch": BATCH, "learning_rate": 5e-4, "beta1": 0.5, "beta2": 0.99,
                      "kimg": STEPS * BATCH / 1000, "steps_per_execution": 50},
        }
    ).with_values({**changes, "train.seed": seed})  # fmt: skip
    config, source = prepare(stacked(count, "train", 60_000)[0], config, None)
    gan, plan = assemble(config, source)
    began = time.perf_counter()
    gan.fit(
        source.stream(plan.batch * plan.turns, seed),
        epochs=steps // 50, steps_per_epoch=50, shuffle=False, verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    drawn = Sampler(gan.ema_generator).sample(DRAWN, seed=1)
    if seed == 0:
        wide = np.concatenate([drawn, np.zeros_like(drawn[..., :1])], -1) if count == 2 else drawn
        place = store.picture("stacked_mnist", f"{count}-{method}")
        pictures.write_png(place, pictures.grid(wide[:60], 15))
    return {"digits": count, "method": method, "seed": seed, "seconds": round(seconds, 1),
            **score(named(drawn), count)}  # fmt: skip


def score(modes: np.ndarray, count: int) -> dict:
    """Modes found, and KL of their shares to those of the training images, in nats."""
    real = np.bincount(stacked(count, "train", 60_000)[1], minlength=10**count) / 60_000
    shares = np.bincount(modes, minlength=10**count) / len(modes)
    found = shares > 0
    kl = float((shares[found] * np.log(shares[found] / real[found])).sum())
    return {"modes": int(found.sum()), "kl": round(kl, 4)}


def floors() -> str:
    lines = []
    for count in (2, 3):
        images, modes = stacked(count, "test", DRAWN)
        accuracy = (named(images) == modes).mean()
        ideal, seen = score(modes, count), score(named(images), count)
        lines.append(
            f"{10**count} modes: real images score {seen['modes']} modes and KL {seen['kl']:.3f} "
            f"(by their true labels {ideal['kl']:.3f}); the classifier's accuracy is "
            f"{accuracy:.1%}.\n"
        )
    return "\n".join(lines)


def table(runs: list[dict]) -> str:
    rows = []
    for method in METHODS:
        row = [method]
        for count in (2, 3):
            for key, form in (("modes", ".0f"), ("kl", ".2f")):
                row.append(interval(pick(runs, key, digits=count, method=method), form))
        rows.append(row)
    head = [f"{what} {10**count}" for count in (2, 3) for what in ("modes of", "KL,")]
    return store.markdown(["method", *head], rows)


def main() -> None:
    options = parser(__doc__).parse_args()
    jobs = [(2, method, seed) for seed in range(options.seeds) for method in METHODS]
    jobs += [(3, method, seed) for seed in range(options.seeds) for method in THOUSAND]
    runs = run_all("stacked_mnist", jobs, play, options)
    store.write_table("stacked_mnist", f"{table(runs)}\n{floors()}")


if __name__ == "__main__":
    main()
