"""The defects kit, measured: defects found, beside simple detectors, and false alarms.

    python benchmarks/defects.py [SECTION] [--seeds 2] [--part 0/2] [--only NAME]

one-class: fit 1,000 images of one class of MNIST and Fashion-MNIST, detect the nine others: 500
good and 1,000 other images of the official test set. leave-one-out: fit 2,250 images of nine,
detect 500 of the tenth among 1,000. tiles: magnetic tiles with masks, seen at 128 and at 256 px, a
random quarter for the test. lighting: the same tiles, learnt in four exposures and tested in two
others. textures: procedural textures with planted defects and exact masks. patchcore: a plain
PatchCore on the same images. cost: CPU time of an image. contamination: 1 % and 5 % of the good
images are bad. speed: against AnoGAN's 500 steps. alarms: measured false-alarm rates over 20
splits. Steps are fixed: nothing is chosen by a label.

MNIST is in the package; fashion_mnist.npz and magnetic_tile_128.npz are read from $GANVAS_DATA
(default ../shared/data), and left out where they are absent. Each fit is a line of
results/defects.jsonl and is not made again. Writes results/defects.md. Lines without a kit are of
the kit before it had parts by frozen features.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads busy-wait

import sys
import tempfile
import time
from functools import cache

import numpy as np

from defects_textures import KINDS
from defects_tiles import DATA, TILES, cost, fitted, lighting, patchcore, textures, tiles
from ganvas.base.litert import runner
from ganvas.data.mnist import mnist
from ganvas.kits import defects
from ganvas.kits.defects.detector import conformal
from ganvas.kits.defects.judging import ablation
from ganvas.stats.intervals import false_alarms
from ganvas.stats.ranking import auroc, average_precision
from jobs import parser, run_all

FASHION = DATA / "fashion_mnist.npz"
KIT = "features"
"""Of which kit the lines are, that are written now."""
LEARN, GOOD, BAD = 1000, 500, 1000
"""Images of a class to fit on, and good and other ones of the official test set, drawn at random: a
frozen network costs 15 CPU ms an image."""


@cache
def digits(name: str) -> tuple[np.ndarray, ...]:
    """Training images, labels, test images, labels, as published."""
    if name == "mnist":
        return *mnist("train"), *mnist("test")
    with np.load(FASHION) as arrays:
        return tuple(arrays[key] for key in ("x_train", "y_train", "x_test", "y_test"))


def areas(detector, good: np.ndarray, bad: np.ndarray) -> dict:
    """AUROC and average precision of the detector and the baselines; ablation; false alarms."""
    began = time.perf_counter()
    verdicts = [detector.score(images, heatmaps=False) for images in (good, bad)]
    spent = 1000 * (time.perf_counter() - began) / (len(good) + len(bad))
    rivals = detector.baselines()
    theirs = [rivals.score(images) for images in (good, bad)]
    row = {
        "auroc": auroc(verdicts[0].score, verdicts[1].score),
        "ap": average_precision(verdicts[0].score, verdicts[1].score),
        "ms": round(spent, 3), "alarms": int(verdicts[0].defective.sum()), "good": len(good),
        "found": int(verdicts[1].defective.sum()), "bad": len(bad),
        "calibration": detector.calibration_size, "alpha": detector.alpha,
        "parts": ablation(detector, good, bad), "choice": detector.facts["choice"],
    }  # fmt: skip
    for name in theirs[0]:
        row[f"auroc {name}"] = auroc(theirs[0][name], theirs[1][name])
        row[f"ap {name}"] = average_precision(theirs[0][name], theirs[1][name])
    return row


def some(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(len(images))
    return images[np.sort(order[:count])]


def one_class(name: str, label: int, seed: int) -> dict:
    x, y, test, truth = digits(name)
    good, bad = (some(test[which], n, seed) for which, n in
                 ((truth == label, GOOD), (truth != label, BAD)))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        detector, spent = fitted(some(x[y == label], LEARN, seed), seed, folder)
        found = areas(detector, good, bad)
    return {
        "section": "one-class",
        "data": name,
        "label": label,
        "seed": seed,
        "fit": spent,
    } | found


def leave_one_out(name: str, label: int, seed: int) -> dict:
    """Nine classes are good."""
    x, y, test, truth = digits(name)
    good, bad = (some(test[which], n, seed) for which, n in
                 ((truth != label, BAD), (truth == label, GOOD)))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        detector, spent = fitted(some(x[y != label], 9 * LEARN // 4, seed), seed, folder)
        found = areas(detector, good, bad)
    return {
        "section": "leave-one-out", "data": name, "label": label, "seed": seed, "fit": spent,
    } | found  # fmt: skip


def contamination(name: str, percent: int, seed: int) -> dict:
    """Some of the good images are of another class, in the calibration part, too."""
    x, y, test, truth = digits(name)
    label = (3, 5, 8)[seed % 3]
    good, bad = x[y == label], x[y != label]
    rng = np.random.default_rng(seed)
    count = round(len(good) * percent / 100)
    mixed = np.concatenate([good[count:], bad[rng.choice(len(bad), count, replace=False)]])
    with tempfile.TemporaryDirectory() as folder:
        detector, spent = fitted(mixed, seed, folder)
        found = areas(detector, test[truth == label], test[truth != label])
    return {
        "section": "contamination", "data": name, "percent": percent, "label": label, "seed": seed,
        "fit": spent,
    } | found  # fmt: skip


def speed(label: int, seed: int) -> dict:
    """This kit's pass against AnoGAN's 500 steps, by the same networks on the same images.

    Both score in batches, and both one image at a time, as in the paper of AnoGAN and on a
    production line; in turn, three times, whose median counts.
    """
    x, y, test, truth = digits("mnist")
    good, bad = test[truth == label][:128], test[truth != label][:128]
    mixed = np.stack([good, bad], 1).reshape(256, 28, 28)
    with tempfile.TemporaryDirectory() as folder:
        detector, _ = fitted(x[y == label], seed, folder, with_gan="yes")

        lite = runner(detector.place / "model_float32.tflite")

        def search(**options):
            return lambda images: defects.search(detector, images, **options)[0]

        def one_by_one(images):
            each = [lite(image=image[None, ..., None])["score"] for image in images]
            return np.concatenate(each)

        methods = {
            "this kit": (lambda images: detector.score(images, heatmaps=False).score, 64),
            "with heat-maps": (lambda images: detector.score(images).score, 64),
            "its LiteRT file, one thread": (one_by_one, 64),
            "AnoGAN": (search(), 2),
            "AnoGAN, 50 steps from the encoder": (search(steps=50, start="encoder"), 8),
            "AnoGAN's score, the encoder alone": (search(steps=0, start="encoder"), 64),
        }  # fmt: skip
        spent, areas_of = {name: {"batch": [], "alone": []} for name in methods}, {}
        for _ in range(3):
            for name, (call, few) in methods.items():
                for count in (2, 1):  # reads and traces
                    call(mixed[:count])
                began = time.perf_counter()
                scores = call(mixed)
                middle = time.perf_counter()
                for image in mixed[:few]:
                    call(image[None])
                ended = time.perf_counter()
                spent[name]["batch"].append(1000 * (middle - began) / len(mixed))
                spent[name]["alone"].append(1000 * (ended - middle) / few)
                areas_of[name] = auroc(scores[::2], scores[1::2])
    return {"section": "speed", "label": label, "seed": seed, "ms": spent, "auroc": areas_of}


def alarms(label: int, seed: int) -> dict:
    """One model; 20 times other good test images calibrate it and are scored."""
    x, y, test, truth = digits("mnist")
    with tempfile.TemporaryDirectory() as folder:
        detector, _ = fitted(x[y == label][:2500], seed, folder)
        held = np.concatenate([x[y == label][2500:], test[truth == label]])
        scores = detector.score(held).score
    rng, rows = np.random.default_rng(seed), []
    for alpha in (0.01, 0.05):
        n = 300
        for _ in range(20):
            mixed = rng.permutation(scores)
            p = conformal(mixed[n:1300], mixed[:n])
            low, high = false_alarms(int(alpha * (n + 1) + 1e-9), n, 1000)
            rows.append([alpha, int((p <= alpha + 1e-6).sum()), low, high])
    return {"section": "alarms", "label": label, "seed": seed, "rows": rows}


RUNS = {
    "tiles": tiles, "lighting": lighting, "textures": textures, "patchcore": patchcore,
    "cost": cost, "one-class": one_class, "speed": speed, "alarms": alarms,
    "contamination": contamination, "leave-one-out": leave_one_out,
}  # fmt: skip


def jobs(section: str, seeds: int) -> list[tuple]:
    sets = ["mnist", *(["fashion"] if FASHION.exists() else [])]
    if section in ("one-class", "leave-one-out"):
        few = range(seeds if section == "one-class" else 1)
        return [
            (section, name, label, seed) for seed in few for label in range(10) for name in sets
        ]
    if section in ("tiles", "lighting", "cost"):
        few = range(1 if section == "cost" else seeds)
        every = [(section, detail, seed) for seed in few for detail in (128, 256)]
        return every if TILES.exists() else []
    if section == "patchcore":
        sets = [*(("tiles", "lighting") if TILES.exists() else ()), *KINDS]
        return [(section, data, 128, seed) for seed in range(seeds) for data in sets]
    if section == "textures":
        return [(section, kind, seed) for seed in range(seeds) for kind in KINDS]
    if section == "contamination":
        return [(section, "mnist", share, seed) for share in (1, 5) for seed in range(3)]
    return [(section, label, 0) for label in ((3, 8) if section == "speed" else (3,))]


def main() -> None:
    words = sys.argv[1:]
    chosen = [words.pop(0)] if words and words[0] in RUNS else list(RUNS)
    options = parser(__doc__, seeds=2).parse_args(words)
    for section in chosen:
        run_all(
            "defects", [(KIT, *words) for words in jobs(section, options.seeds)],
            lambda kit, section, *rest: {"kit": kit} | RUNS[section](*rest), options,
        )  # fmt: skip
    from defects_tables import write_up

    write_up()


if __name__ == "__main__":
    main()
