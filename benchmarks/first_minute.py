"""A first run of six folders, as typed: what is chosen, promised, reached, beside the old default.

    python benchmarks/first_minute.py [--minutes 4] [--only tiles] [--work DIR]

Each folder is written as PNG files from $GANVAS_DATA; what is absent there is left out. `ganvas
train FOLDER` runs in a process of its own with its standard error in a pipe: seconds until its
first line, until the first line of training, until the first grid, and until the end. The promise
is that of run.json, made before the first step.

The old default is the same command with `--recipe finetune --from auto` and eight scorings of 1,000
images, for the same seconds at most; small sizes end before. Both are scored as one would draw from
them, by the best model: KID x 1000 of 1,000 images against images of the source that are in neither
folder, in the features `general` of this package. The first run has `--minutes`; with 0 it takes
what the recipe needs, which may be hours.

Each run is a line of results/first_minute.jsonl, and is not made again. Times hold for a machine
that does nothing else. Writes results/first_minute.md.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import board_folders
import ganvas
import store
from board_folders import DATA
from ganvas import images as pictures
from ganvas.evaluation.kernel import mmd2
from ganvas.features.bundled import general
from jobs import parser, run_all

TOPIC = "first_minute"
DRAWN = 1000
HELD = 1000
OLD = ("--recipe", "finetune", "--from", "auto",
       "--set", "scores.times=8", "--set", "scores.images=1000")  # fmt: skip

Arrays = tuple[np.ndarray, list[str] | None]
"""uint8 [N, H, W, C], and the class of each image."""


@dataclass(frozen=True)
class Folder:
    """A folder of files.

    Attributes:
        file: below $GANVAS_DATA.
        read: file -> all images of the source.
        count: so many are in the folder; others are held out.
    """

    file: str
    read: Callable[[Path], Arrays]
    count: int


def fashion(path: Path) -> Arrays:
    with np.load(path) as file:
        return file["x_train"][..., None], [f"class {label}" for label in file["y_train"]]


def xrays(path: Path) -> Arrays:
    return board_folders.xrays(path)[0], None


def emoji(path: Path) -> Arrays:
    with np.load(path) as file:
        names = file["categories"]
        return file["rgba"], [str(names[one]) for one in file["category"]]


def plain_emoji(path: Path) -> Arrays:
    train, _, held = board_folders.emoji(path)
    return np.concatenate([train, held]), None


def tiles(path: Path) -> Arrays:
    """Without defects."""
    with np.load(path) as file:
        free = list(file["classes"]).index("MT_Free")
        return file["x"][file["y"] == free][..., None], None


def textures(path: Path) -> Arrays:
    """Crops of 128 px."""
    rng = np.random.default_rng(0)
    whole = board_folders.whole_textures(path)
    cuts = [board_folders.cut(whole[n % len(whole)], rng, 128) for n in range(6000)]
    return np.stack(cuts), None


FOLDERS = {
    "fashion": Folder("fashion_mnist.npz", fashion, 5000),  # 28 px, grey, 10 classes
    "xrays": Folder("pneumoniamnist_full.npz", xrays, 500),  # 28 px, grey
    "emoji": Folder("noto_emoji_64.npz", emoji, 500),  # 64 px, RGBA, classes
    "few": Folder("noto_emoji_64.npz", plain_emoji, 50),  # 64 px, RGB
    "tiles": Folder("magnetic_tile_128.npz", tiles, 500),  # 128 px, grey
    "textures": Folder("propaganda_textures.zip", textures, 5000),  # 128 px, RGB
}


def write(folder: Folder, place: Path) -> np.ndarray:
    """Write the files; classes are sub-folders. Returns: images that are held out."""
    images, names = folder.read(DATA / folder.file)
    order = np.random.default_rng(0).permutation(len(images))
    for row in order[: folder.count]:
        within = place / names[row].replace("/", "-") if names else place
        within.mkdir(parents=True, exist_ok=True)
        pictures.write_png(within / f"{row:05}.png", images[row])
    return images[order[folder.count :][:HELD]]


def typed(words: list[str], run: Path, seconds: float | None = None) -> dict[str, Any]:
    """`ganvas WORDS --run RUN`, interrupted after so many seconds if it has not ended."""
    command = [sys.executable, "-m", "ganvas", "-v", *words, "--run", str(run)]
    began = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    timer = threading.Timer(seconds or 1e6, lambda: process.send_signal(signal.SIGINT))
    timer.start()
    first, lines = {}, []
    for line in process.stderr or ():
        now = round(time.monotonic() - began, 1)
        lines.append(line.rstrip())
        first.setdefault("line", now)
        if line.startswith("kimg "):
            first.setdefault("step", now)
        if "grid" not in first and list(run.glob("samples/0*.png")):
            first["grid"] = now
    process.wait()
    timer.cancel()
    if process.returncode not in (0, 130):
        raise RuntimeError("\n".join(lines[-20:]))
    return {"first": first, "seconds": round(time.monotonic() - began, 1), "lines": lines}


def score(run: Path, held: np.ndarray) -> float:
    """KID x 1000 of the images of the best model."""
    drawn = ganvas.load(run).sample(DRAWN, seed=5)
    if held.shape[1:] != drawn.shape[1:]:  # both at the size that was trained
        held = np.stack([pictures.refit(x, drawn.shape[1:3], drawn.shape[3]) for x in held])
    return round(1000 * mmd2(general()(drawn)[0], general()(held)[0]), 1)


def play(name: str, minutes: float, seed: int, work: Path) -> dict[str, Any]:
    """One folder, by the new default and by the old one."""
    place = work / f"{name}-{seed}"
    folder, run, old = place / "photos", place / "run", place / "old"
    held = write(FOLDERS[name], folder)
    budget = ["--minutes", f"{minutes:g}"] if minutes else []
    new = typed(["train", str(folder), "--seed", str(seed), *budget], run)
    found = ganvas.Run(run)
    rows = found.rows()
    scoring = sum(row.get("score/seconds", 0.0) for row in rows)
    other = typed(["train", str(folder), *OLD, "--seed", str(seed)], old, new["seconds"])
    config = found.config
    return {
        "folder": name, "seed": seed, "minutes": minutes, "images": FOLDERS[name].count,
        "form": "x".join(map(str, found.images["shape"])), "classes": len(found.images["names"]),
        "recipe": config.recipe, "from": (found.info.get("transfer") or {}).get("from", "noise"),
        "kimg": config.train.kimg, "scorings": sum("score/seconds" in row for row in rows),
        "promised": found.info["expected_seconds"], "seconds": new["seconds"],
        "first": new["first"], "scoring": round(scoring / new["seconds"], 4),
        "score": score(run, held), "old_score": score(old, held),
        "old_kimg": (ganvas.Run(old).rows() or [{"kimg": 0}])[-1]["kimg"],
        "old_seconds": other["seconds"],
        "header": [line for line in new["lines"] if not line.startswith("kimg ")][:40],
    }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    head = ["folder", "images", "form", "classes", "recipe", "from", "kimg", "promised s", "real s",
            "first line s", "first step s", "scoring", "KID", "old default"]  # fmt: skip
    cells = [
        [row["folder"], f"{row['images']:,}", row["form"], f"{row['classes'] or '-'}",
         row["recipe"], row["from"], f"{row['kimg']:g}", f"{row['promised']:.0f}",
         f"{row['seconds']:.0f}", f"{row['first'].get('line', 0):.1f}",
         f"{row['first'].get('step', 0):.0f}", f"{row['scoring']:.1%}",
         f"{row['score']:.0f}", f"{row['old_score']:.0f}"]
        for row in rows
    ]  # fmt: skip
    return store.markdown(head, cells)


def main() -> None:
    options = parser(__doc__, seeds=1)
    options.add_argument("--minutes", type=float, default=4.0, help="budget; 0: none")
    options.add_argument("--work", help="keeps folders and runs here")
    chosen = options.parse_args()
    there = [name for name, folder in FOLDERS.items() if (DATA / folder.file).exists()]
    jobs = [(name, chosen.minutes, seed) for name in there for seed in range(chosen.seeds)]
    with tempfile.TemporaryDirectory() as place:
        work = Path(chosen.work or place)
        rows = run_all(TOPIC, jobs, lambda *job: play(*job, work), chosen)
    store.write_table(TOPIC, table(rows))
    print(json.dumps([row["header"] for row in rows], indent=1))


if __name__ == "__main__":
    main()
