"""Groups by features, by pixels, by both and no groups, for images without labels.

    GANVAS_JUDGE=effnet_lite2_imagenet_weights.npz python benchmarks/groups.py --work DIR \\
        [--seeds 1] [--marks 30 60] [--only emoji]

`quick` trains on folders of the board at 32 px, one run after the other on one core, and is scored
after equal CPU seconds in training by a judge that it never saw (`judge.py`). Groups are
those of `data/groups.py`, by features also where the recipe would not use them because the images
do not fall into groups. How clear they are, and how they agree with labels where there are some, is
computed for every folder, for clothes and digits of 28 px, and for noise, which has no groups. Runs
that have a row are not made again.

Writes results/groups.jsonl and results/groups.md; images stay in `--work`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from board_clock import Piece, pin, play

if __name__ == "__main__":
    pin(0)

import numpy as np
import tensorflow as tf

import store
from board_folders import DATA, FOLDERS, Labels, arrays
from board_own import Own
from ganvas import images as pictures
from ganvas.data import Options, load
from ganvas.data.groups import FEWEST, by_features, by_pixels
from jobs import interval, parser, pick, run_all

TOPIC = "groups"
FOUND = ("emoji", "textures", "faces")
CONTENDERS = ("both", "features", "pixels", "none")
SIZE, DRAWN = 32, 1000
CLOTHES, MOST = "fashion_mnist.npz", 10_000
RECIPE = {"data.clusters": 0, "train.steps_per_execution": 5}
SHOWN = {"kid": ".0f", "coverage": ".3f", "recall": ".3f", "pixels": ".1f"}


def labelled(name: str) -> tuple[np.ndarray, Labels]:
    """Training images of a folder, and their labels if there are any."""
    if name == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, (2000, 32, 32, 3))
        return pixels.astype(np.uint8), None
    if name == "digits":
        images = load("mnist")
        rows = images.rows[:MOST]
        return images.pixels(rows), images.labels[rows]
    if name == "clothes":
        with np.load(DATA / CLOTHES) as file:
            return file["x_train"][:MOST, ..., None], file["y_train"][:MOST].astype(np.int32)
    return arrays(name)[:2]


def grouped(pixels: np.ndarray, by: str) -> tuple[np.ndarray, dict]:
    """The group of each image, and what groups there are."""
    images = load(pixels, Options(holdout=0))
    count, began = min(100, images.count // FEWEST), time.process_time()
    if by == "pixels":
        labels, gap = by_pixels(images, count)[0], None
    else:
        labels, _, gap = by_features(images, count, by == "both")
    sizes = np.bincount(labels)
    return labels, {
        "groups": len(sizes), "smallest": int(sizes.min()), "largest": int(sizes.max()),
        "small": int((sizes < FEWEST).sum()), "gap": gap and round(gap, 4),
        "seconds": round(time.process_time() - began, 1), "images": images.count,
    }  # fmt: skip


def divide(name: str, by: str) -> dict:
    images, labels = labelled(name)
    groups, facts = grouped(images, by)
    agrees = None if labels is None else round(agreement(groups, labels), 4)
    return {"folder": name, "by": by, **facts, "agrees": agrees}


def agreement(groups: np.ndarray, labels: np.ndarray) -> float:
    """Normalised mutual information: 0 for independent ones, 1 where each tells the other."""
    table = np.zeros((groups.max() + 1, labels.max() + 1))
    np.add.at(table, (groups, labels), 1 / len(labels))
    one, two, both = (entropy(shares) for shares in (table.sum(1), table.sum(0), table))
    return float((one + two - both) / np.sqrt(one * two))


def entropy(shares: np.ndarray) -> float:
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())


def contest(name: str, by: str, seed: int, options: argparse.Namespace) -> dict:
    """Train, and judge what is drawn."""
    place = options.work / store.slug(name, by, seed)
    place.mkdir(parents=True, exist_ok=True)
    if not (place / "row.json").is_file():
        train(name, by, seed, place, options)
    row = json.loads((place / "row.json").read_text())
    for mark in row["marks"]:
        with np.load(place / f"{mark['mark']:g}.npz", allow_pickle=False) as file:
            fakes = file["x"]
        pictures.write_png(place / f"{mark['mark']:g}.png", pictures.grid(fakes[:100], 10))
        mark["scores"] = judge(name).scores(fakes)
        print(name, by, seed, {k: v[0] for k, v in mark["scores"].items()}, flush=True)
    return {"folder": name, "by": by, "seed": seed, **row}


def train(name: str, by: str, seed: int, place: Path, options: argparse.Namespace) -> None:
    images, _ = small(name)
    labels = {} if by == "none" else {"y": grouped(images, by)[0]}
    np.savez(place / "data.npz", x=images, **labels)
    about = {"recipe": "quick", "overrides": RECIPE, "start_from": "none"}
    piece = Piece(
        about, f"{place / 'data.npz'}", "", f"{place}", seed, list(options.marks), DRAWN, 0,
    )  # fmt: skip
    # Nothing in this recipe depends on the length of a run.
    play(piece, lambda chunks: Own(piece, chunks), scheduled=False)


@cache
def small(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Training images and held-out ones, of the size at which contenders train."""
    train, _, held = arrays(name)
    return tuple(
        np.stack([pictures.refit(x, (SIZE, SIZE), x.shape[2]) for x in part])
        for part in (train, held)
    )


@cache
def judge(name: str):
    import judge as judges

    return judges.Judge(*small(name))


def table(divided: list[dict], runs: list[dict], marks: list[float]) -> str:
    """What groups there are, then the scores of those that trained."""
    rows = [
        [row["folder"], f"{row['images']:,}", row["by"], str(row["groups"]),
         f"{row['smallest']} to {row['largest']}", str(row["small"]),
         "" if row["gap"] is None else f"{row['gap']:.3f}",
         "" if row["agrees"] is None else f"{row['agrees']:.2f}", f"{row['seconds']:g}"]
        for row in divided
    ]  # fmt: skip
    head = ["images of", "images", "groups by", "groups", "images in one", f"below {FEWEST}",
            "gap for each doubling", "agreement with labels", "CPU s"]  # fmt: skip
    scored = [
        {**row, "mark": mark["mark"], "kimg": mark["kimg"],
         **{name: mark["scores"][name][0] for name in SHOWN}}
        for row in runs for mark in row["marks"]
    ]  # fmt: skip
    lines = []
    for name in FOUND:
        for mark in marks:
            for by in CONTENDERS:
                keys = {"folder": name, "mark": mark, "by": by}
                cells = [interval(pick(scored, key, **keys), form) for key, form in SHOWN.items()]
                if set(cells) != {"-"}:
                    kimg = interval(pick(scored, "kimg", **keys), ".1f")
                    lines.append([name, f"{mark:g} s", by, kimg, *cells])
    seconds = ["images of", "CPU seconds", "groups by", "kimg", "KID x 1,000", "coverage", "recall",
               "pixels"]  # fmt: skip
    return store.markdown(head, rows) + "\n" + store.markdown(seconds, lines)


def main() -> None:
    options = parser(__doc__, seeds=1)
    options.add_argument("--work", type=Path, required=True, help="folder of images and logs")
    options.add_argument("--marks", type=float, nargs="+", default=[30.0, 60.0])
    chosen = options.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    there = [name for name, folder in FOLDERS.items() if folder.there]
    jobs = [
        (name, by, seed)
        for seed in range(chosen.seeds)
        for name in FOUND
        if name in there
        for by in CONTENDERS
    ]
    run_all(TOPIC, jobs, lambda *job: contest(*job, chosen), chosen)
    there += ["noise", "digits", *(["clothes"] if (DATA / CLOTHES).exists() else [])]
    folders = [(name, by) for name in there for by in CONTENDERS[:3]]
    rows = run_all(TOPIC, folders, divide, chosen)
    divided, runs = ([row for row in rows if ("seed" in row) is one] for one in (False, True))
    store.write_table(TOPIC, table(divided, runs, chosen.marks))


if __name__ == "__main__":
    main()
