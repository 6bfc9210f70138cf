"""Does a generator help a class of 20 or 50 images, where augmentation is already used?

    python benchmarks/rare_class.py [--seeds 5] [--part 0/1] [--only fashion]

Seven arms (see ganvas/kits/rare_class/arms.py), equal steps, on MNIST "8" and Fashion-MNIST "shirt"
with 20 and 50 images of the rare class and 500 of each other, and on chest X-rays with 50 of the
normal ones and 1,000 with pneumonia ($GANVAS_DATA, default ../shared/data; absent data are left
out). Each seed draws other images from the official training part, uses a fifth for validation,
trains a generator, draws, fits every arm, and predicts the official test part. So the intervals
also cover the choice of the images of the rare class.

The settings of the kit were chosen on training parts of MNIST and Fashion-MNIST alone.

Each (setting, seed) is a line of results/rare_class.jsonl, and is not repeated. Choices are made
on the validation folds of all seeds together, then the test part is used. Writes
results/rare_class.md and a picture per setting in docs/pictures/rare_class/.
"""

from __future__ import annotations

import base64
import os
import tempfile
import time
import zlib
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from ganvas.images import grid, write_png
from ganvas.kits.rare_class import leaks, metrics, verdict
from ganvas.kits.rare_class.classifier import fit
from ganvas.kits.rare_class.parts import Material, Part
from ganvas.kits.rare_class.plan import GAN_ARMS, REAL_ARMS, Plan
from ganvas.kits.rare_class.study import Study, name_of
from jobs import parser, run_all

DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
SETTINGS = {  # file, parts, rare class, its images, images of each other class
    "mnist-8-20": ("mnist.npz", "x_{}", "y_{}", 8, 20, 500),
    "fashion-shirt-20": ("fashion_mnist.npz", "x_{}", "y_{}", 6, 20, 500),
    "xray-normal-50": ("pneumoniamnist_full.npz", "{}_images", "{}_labels", 0, 50, 1000),
    "mnist-8-50": ("mnist.npz", "x_{}", "y_{}", 8, 50, 500),
    "fashion-shirt-50": ("fashion_mnist.npz", "x_{}", "y_{}", 6, 50, 500),
}


def read(setting: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    file, images, labels, *_ = SETTINGS[setting]
    with np.load(DATA / file, allow_pickle=False) as arrays:
        x, y = (arrays[name.format(part)] for name in (images, labels))
    return x[..., None], y.reshape(-1).astype(np.int64)


def material(setting: str, seed: int) -> Material:
    """The data of a seed: a draw of its own from the training part; the official test part."""
    *_, rare, few, many = SETTINGS[setting]
    images, labels = read(setting, "train")
    rng = np.random.Generator(np.random.Philox([seed, 2026]))
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == c))[: few if c == rare else many]
         for c in np.unique(labels)]
    )  # fmt: skip
    test = read(setting, "test")
    names = tuple(str(c) for c in np.unique(labels))
    return Material(
        part(images[rows], labels[rows]), part(*test), names, (rare,), False, "official", setting
    )


def part(images: np.ndarray, labels: np.ndarray) -> Part:
    units = np.arange(len(labels))
    return Part(images, labels, units, tuple(map(str, units)))


def measure(setting: str, seed: int) -> dict:
    """One seed of a setting: its number determines draw, fold and noise."""
    began = time.perf_counter()
    found = material(setting, seed)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan((found.names[found.rare[0]],), seeds=2, seed=seed)
        study = Study(Path(folder) / "study", found, plan, fit, "built-in", False)
        pool = study.pool(0)
        trained = time.perf_counter() - began
        leak = leaks.find(found.learn.images, found.test.images)
        leak = leaks.with_synthetic(leak, found.test.images, [pool.images])
        truth = found.test.labels
        arms = {}
        for arm, ratio in plan.variants():
            study.predict(0, arm, ratio, pool)
            predicted = study.predictions(0, arm, ratio)
            scores = metrics.per_class(predicted.test, truth)
            arms[name_of(arm, ratio)] = {
                "valid": packed(predicted.valid.argmax(1)),
                "test": packed((predicted.test.argmax(1) - truth) % len(found.names)),
                "rare": {k: float(v[found.rare[0]]) for k, v in scores.items()},
                "balanced_accuracy": float(np.nanmean(scores["recall"])),
            }  # fmt: skip
        if seed == 0:
            picture(setting, found, pool.of(found.rare[0]))
        valid = study.fold(0)[1].labels
    return {
        "setting": setting, "seed": seed, "seconds": round(time.perf_counter() - began),
        "generator_seconds": round(trained), "kimg": plan.kimg, "arms": arms,
        "valid": packed(valid), "counts": pool.counts[found.names[found.rare[0]]],
        "kept": packed(leak.kept), "leaks": asdict(leak.counts),
    }  # fmt: skip


def picture(setting: str, found: Material, fakes: np.ndarray) -> None:
    """Real images in the first rows, synthetic ones below."""
    reals = found.learn.images[found.learn.labels == found.rare[0]][:20]
    sheet = grid(np.concatenate([reals, np.full_like(reals, 255)[:20], fakes[:60]]), 20)
    write_png(store.picture("rare_class", setting), sheet)


def packed(values: np.ndarray) -> str:
    """Small integers as text. Test predictions are kept as their difference to the truth."""
    return base64.b64encode(zlib.compress(values.astype(np.uint8).tobytes(), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(np.int64)


def conclude(setting: str, rows: list[dict]) -> tuple[list[list[str]], str]:
    """The rows of the table of a setting, and its verdict."""
    truth, classes = read(setting, "test")[1], len(np.unique(read(setting, "test")[1]))
    rare = SETTINGS[setting][3]
    valid = {  # of all validation folds together
        name: metrics.balanced_accuracy(
            np.concatenate([unpacked(row["arms"][name]["valid"]) for row in rows]),
            np.concatenate([unpacked(row["valid"]) for row in rows]), classes,
        )
        for name in rows[0]["arms"]
    }  # fmt: skip
    chosen = {}
    for name in sorted(valid, key=lambda n: -valid[n]):
        chosen.setdefault(name.rstrip("0123456789. "), name)
    chosen = {arm: chosen[arm] for arm in Plan(("",)).arms}
    best = {kind: max((a for a in kind if a in chosen), key=lambda a: valid[chosen[a]])
            for kind in (REAL_ARMS, GAN_ARMS)}  # fmt: skip
    kept = np.all([unpacked(row["kept"]) for row in rows], axis=0)
    off = {n: np.stack([unpacked(row["arms"][n]["test"]) for row in rows]) for n in valid}
    guessed = {a: ((off[n] + truth) % classes)[:, kept]
               for a, n in chosen.items()}  # fmt: skip
    truth = truth[kept]
    compared = verdict.compare(
        guessed, truth, np.arange(len(truth)), classes, best[REAL_ARMS], seed=0
    )
    test = {a: float(np.mean([metrics.balanced_accuracy(g, truth, classes) for g in guessed[a]]))
            for a in guessed}  # fmt: skip
    word, sentence = verdict.decide(compared, best[GAN_ARMS])
    if any(row["leaks"]["fatal"] for row in rows):
        word, sentence = "no evidence", f"Synthetic images leak the test. {sentence}"
    lines, apart = [], {c.arm: c for c in compared}
    for arm, name in chosen.items():
        own = [row["arms"][name]["rare"] for row in rows]
        c = apart.get(arm)
        lines.append([
            setting, name, f"{valid[name]:.4f}", f"{test[arm]:.4f}",
            *(f"{np.mean([one[k] for one in own]):.3f}"
              for k in ("recall", "precision", "auprc", "ece", "brier")),
            f"{100 * c.value:+.2f} ({100 * c.low:+.2f} to {100 * c.high:+.2f})" if c else "",
            f"{c.adjusted:.3g}" if c else "",
        ])  # fmt: skip
    spent = [row["seconds"] for row in rows], [row["generator_seconds"] for row in rows]
    about = (
        f"**{setting}: {word}.** {sentence}. {len(rows)} seeds; {len(truth):,} test images, "
        f"{(truth == rare).sum():,} of the rare class; {np.median(spent[1]):.0f} s per generator "
        f"and {np.median(spent[0]):.0f} s per seed."
    )
    return lines, about


def main() -> None:
    chosen = parser(__doc__, seeds=5).parse_args()
    there = [s for s in SETTINGS if (DATA / SETTINGS[s][0]).is_file()]
    jobs = [(setting, seed) for setting in there for seed in range(chosen.seeds)]
    rows = run_all("rare_class", jobs, measure, chosen)
    head = ["setting", "arm", "validation", "balanced accuracy", "recall", "precision", "auprc",
            "ece", "brier", "points against the best without", "p after Holm"]  # fmt: skip
    table, words = [], []
    for setting in there:
        own = [row for row in rows if row["setting"] == setting]
        if len(own) > 1:
            lines, about = conclude(setting, own)
            table += lines
            words.append(about)
    store.write_table("rare_class", "\n\n".join([*words, store.markdown(head, table)]))


if __name__ == "__main__":
    main()
