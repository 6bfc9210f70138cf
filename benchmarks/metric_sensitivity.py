"""Which score sees what: real images, spoilt on purpose, beside clean ones.

    python benchmarks/metric_sensitivity.py [--seeds 5] [--n 2000] [--only mnist]

For MNIST (features `digits`) and for photographs of clothes (Fashion-MNIST, `fashion_mnist.npz`
under $GANVAS_DATA, default ../shared/data, features `general`; skipped where that is absent):
n real images play the fakes, spoilt in one way at a time; n others are the reference, 10,000 others
the training images, from which copies are planted. Reported is how many interval widths a score
moves for the worse, against the same images unspoilt, and whether copies are flagged.

Each run is a line of results/metric_sensitivity.jsonl, and is not run again. Writes
results/metric_sensitivity.md and docs/pictures/sensitivity-NAME.png.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image, ImageFilter

import store
from ganvas.data.mnist import mnist
from ganvas.evaluation import SCORES, Comparison, Sample, score
from ganvas.evaluation.copies import copied
from ganvas.evaluation.samples import describe
from ganvas.features.extractors import extractor
from jobs import parser, run_all

FASHION = Path(os.environ.get("GANVAS_DATA", "../shared/data")) / "fashion_mnist.npz"
FEATURES = {"mnist": "digits", "fashion": "general"}
TRAIN, HELD = 10_000, 2_000
MOST = 99  # some intervals have no width: the modes of a thousand images are certain
SCORED = [name for name in SCORES if name not in ("knn_accuracy", "detail")]


@cache
def pool(name: str) -> tuple[np.ndarray, np.ndarray]:
    """All images, uint8 [N, 28, 28, 1], and their classes."""
    if name == "mnist":
        images, labels = mnist("train")
    else:
        with np.load(FASHION) as arrays:
            images, labels = arrays["x_train"], arrays["y_train"]
    return images[..., None], labels.astype(int)


def each(change: Callable[[Image.Image], Image.Image]) -> Callable[[np.ndarray], np.ndarray]:
    """The change of one picture, made to all."""

    def all_of(images: np.ndarray) -> np.ndarray:
        changed = [np.asarray(change(Image.fromarray(image[..., 0]))) for image in images]
        return np.stack(changed)[..., None]

    return all_of


def jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", quality=20)
    return Image.open(buffer)


def noisy(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    moved = images + rng.normal(0, 16, images.shape)
    return moved.clip(0, 255).round().astype(np.uint8)


class Deal:
    """One draw of images: reference, fakes, training images, held-out ones."""

    def __init__(self, name: str, n: int, seed: int):
        self.images, self.labels = pool(name)
        self.rng = np.random.default_rng(seed)
        order = self.rng.permutation(len(self.images))
        cuts = np.cumsum([n, n, TRAIN, HELD])
        self.real, self.clean, self.train, self.held, self.rest = np.split(order, cuts)
        self.n = n

    def spoilt(self, how: str) -> np.ndarray:
        """The fakes, uint8 [n, 28, 28, 1]."""
        fakes = self.images[self.clean]
        labels = self.labels[self.clean]
        more = self.rest[: 20 * self.n]
        if how.startswith("copies"):
            count = round(self.n * float(how.split()[1].rstrip("%")) / 100)
            return np.concatenate([self.images[self.train[:count]], fakes[count:]])
        if how == "a class missing":
            fill = more[self.labels[more] != 3]
            return np.concatenate([fakes[labels != 3], self.images[fill]])[: self.n]
        if how == "one class only":
            return self.images[more[self.labels[more] == 3][: self.n]]
        if how == "half duplicates":
            return np.concatenate([fakes[: self.n // 2]] * 2)
        changes = {
            "nothing": lambda images: images,
            "blur": each(lambda image: image.filter(ImageFilter.GaussianBlur(0.8))),
            "noise": lambda images: noisy(images, self.rng),
            "JPEG": each(jpeg),
        }
        return changes[how](fakes)


WAYS = (
    "nothing", "blur", "noise", "JPEG", "a class missing", "one class only", "half duplicates",
    "copies 1%", "copies 5%",
)  # fmt: skip


def play(name: str, seed: int, n: int) -> dict:
    deal = Deal(name, n, seed)
    seen = extractor(FEATURES[name])

    def sample(rows: np.ndarray) -> Sample:
        return describe(deal.images[rows], seen)

    real, train, held = sample(deal.real), sample(deal.train), sample(deal.held)
    rows = {}
    for how in WAYS:
        fake = describe(deal.spoilt(how), seen)
        comparison = Comparison(real, fake, train=train, held=held, seed=seed)
        scores = score(comparison, SCORED)
        rows[how] = {key: one.to_dict() for key, one in scores.items()}
        rows[how]["flagged"] = copied(comparison)
        print(name, seed, how, {k: v["value"] for k, v in rows[how].items() if k != "flagged"},
              rows[how]["flagged"], flush=True)  # fmt: skip
    return {"name": name, "seed": seed, "n": n, "ways": rows}


def moves(run: dict, how: str, key: str) -> float:
    """Interval widths that a score moved for the worse, MOST at most; NaN: it has no value."""
    clean, spoilt = run["ways"]["nothing"][key], run["ways"][how][key]
    if clean["value"] is None or spoilt["value"] is None:
        return np.nan
    width = max(clean["high"] - clean["low"], 1e-9)
    moved = (spoilt["value"] - clean["value"]) / width
    return float(np.clip(moved if SCORES[key].better == "lower" else -moved, -MOST, MOST))


def summary(runs: list[dict], name: str) -> tuple[list[str], list[str], np.ndarray]:
    mine = [run for run in runs if run["name"] == name]
    ways = list(WAYS[1:])
    table = np.array(
        [[np.median([moves(run, how, key) for run in mine]) for key in SCORED] for how in ways]
    )
    return ways, SCORED, table


def chart(name: str, ways: list[str], keys: list[str], values: np.ndarray) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(np.clip(values, -5, 5), cmap="RdBu_r", vmin=-5, vmax=5, aspect="auto")
    axes.set_xticks(range(len(keys)), [key.replace("_", " ") for key in keys], rotation=30,
                    ha="right", fontsize=8)  # fmt: skip
    axes.set_yticks(range(len(ways)), ways, fontsize=8)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if abs(value) > 3.5 else "black"
            axes.text(column, row, f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}",
                      ha="center", va="center", fontsize=7, color=colour)  # fmt: skip
    axes.set_title(f"{name}: interval widths that a score moves for the worse", fontsize=9)
    figure.savefig(store.PICTURES / f"sensitivity-{name}.png", dpi=130)


def main() -> None:
    options = parser(__doc__, seeds=5)
    options.add_argument("--n", type=int, default=2000)
    chosen = options.parse_args()
    names = [name for name in FEATURES if name == "mnist" or FASHION.exists()]
    jobs = [(name, seed) for seed in range(chosen.seeds) for name in names]
    runs = run_all("metric_sensitivity", jobs, lambda *job: play(*job, chosen.n), chosen)
    text = ""
    for name in names:
        mine = [run for run in runs if run["name"] == name]
        if not mine:
            continue
        ways, keys, values = summary(runs, name)
        chart(name, ways, keys, values)
        rows = [
            [how, *("–" if np.isnan(v) else f"{v:.1f}" for v in row)]
            for how, row in zip(ways, values, strict=True)
        ]
        told = [
            f"{how}: flagged in {sum(run['ways'][how]['flagged'] for run in mine)} of {len(mine)}"
            for how in ("nothing", "copies 1%", "copies 5%")
        ]
        text += f"{name}, {FEATURES[name]}, {len(mine)} seeds, {mine[0]['n']} images a side\n\n"
        text += store.markdown(["spoilt by", *keys], rows) + f"\nCopies: {'; '.join(told)}.\n\n"
    store.write_table("metric_sensitivity", text)


if __name__ == "__main__":
    main()
