"""How often the 95 % interval of each score holds what it is the interval of.

    python benchmarks/metric_intervals.py [--resamplings 200] [--images 500 2000]

Two sets of real images are drawn again and again from MNIST's 70,000, without an image in common,
and scored against each other. What an interval has to hold is the mean score over all resamplings:
the floor at that many images. 90 % of them should, at least. The same is done with fakes that are
real images at 80 % of their contrast, where scores are far from the floor.

Features are a fixed random projection of the pixels to 64 dimensions with a ReLU, and class
probabilities are those of a least-squares classifier on them (about 80 % right), so that nothing
depends on a network. Near-copies are looked for among as many other images.

Adds to results/metric_intervals.jsonl and writes its table, results/metric_intervals.md.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import store
from ganvas.data.mnist import mnist
from ganvas.evaluation.base import Comparison, Sample
from ganvas.evaluation.scores import SCORES, score

DIMENSIONS, CONTRAST = 64, 0.8


class Features:
    """Pixels uint8 [N, 28, 28, 1] and labels -> a `Sample`."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        rng = np.random.default_rng(0)
        self.projection = rng.normal(0, 1 / 28, (784, DIMENSIONS)).astype(np.float32)
        x = self._wide(self.project(pixels))
        self.weights = np.linalg.lstsq(x, np.eye(10)[labels], rcond=None)[0]

    def project(self, pixels: np.ndarray) -> np.ndarray:
        flat = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
        return np.maximum(flat @ self.projection, 0)

    def __call__(self, pixels: np.ndarray, labels: np.ndarray) -> Sample:
        features = self.project(pixels)
        scores = np.exp(10 * (self._wide(features) @ self.weights))
        probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
        return Sample(features, pixels, probabilities, labels.astype(np.int32))

    @staticmethod
    def _wide(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def compare(seed: int, count: int, contrast: float, pixels, labels, features) -> Comparison:
    """Five sets of `count` real images: real, fake, spare, train, held."""
    rows = np.random.default_rng([seed, count]).permutation(len(pixels))[: 5 * count]
    real, fake, *others = (features(pixels[part], labels[part]) for part in rows.reshape(5, count))
    if contrast < 1:
        part = rows[count : 2 * count]
        dim = np.rint(pixels[part] * contrast).astype(np.uint8)
        fake = features(dim, labels[part])
    return Comparison(real, fake, *others, seed=seed)


def measure(name: str, scores: list) -> dict:
    value, low, high, floor = (
        np.array([getattr(s, key) for s in scores], float)
        for key in ("value", "low", "high", "floor")
    )
    mean = value.mean()
    return {
        "score": name,
        "mean": mean,
        "deviation": value.std(ddof=1),
        "floor": floor.mean(),
        "half_width": (high - low).mean() / 2,
        "holds": float(((low <= mean) & (mean <= high)).mean()),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--resamplings", type=int, default=200)
    options.add_argument("--images", type=int, nargs="+", default=[500, 2000])
    options = options.parse_args()
    parts = [mnist(part) for part in ("train", "test")]
    pixels = np.concatenate([p for p, _ in parts])[..., None]
    labels = np.concatenate([y for _, y in parts]).astype(np.int32)
    features = Features(pixels, labels)
    rows = []
    for count in options.images:
        for fakes, contrast in (("real", 1.0), ("dim", CONTRAST)):
            began = time.perf_counter()
            found = [
                score(compare(seed, count, contrast, pixels, labels, features))
                for seed in range(options.resamplings)
            ]
            for name in SCORES:
                row = measure(name, [scores[name] for scores in found])
                rows.append({"images": count, "fakes": fakes, **row})
                print(rows[-1], flush=True)
            print(f"{count} {fakes}: {time.perf_counter() - began:.0f} s", flush=True)
    store.add("metric_intervals", "report", rows)
    store.write_table("metric_intervals", table(rows, options.resamplings))


def table(rows: list[dict], resamplings: int) -> str:
    head = ["images a side", "fakes", "score", "mean", "deviation", "half the interval", "holds"]
    lines = [
        [str(r["images"]), r["fakes"], r["score"], f"{r['mean']:.4g}", f"{r['deviation']:.2g}",
         f"{r['half_width']:.2g}", f"{r['holds']:.0%}"]
        for r in rows
    ]  # fmt: skip
    below = [r for r in rows if r["holds"] < 0.9]
    said = f"{len(rows) - len(below)} of {len(rows)} hold at least 90 %, over {resamplings} each.\n"
    return store.markdown(head, lines) + "\n" + said


if __name__ == "__main__":
    main()
