"""Our recipes, pretrained networks and peers on small folders, at equal CPU seconds.

    GANVAS_JUDGE=effnet_lite2_imagenet_weights.npz python benchmarks/quality_board.py \\
        --work DIR --torch /path/of/python/with/torch [--label today] [--minutes 60] [--only emoji]

A piece is a folder of images, a contender and a seed: one run in a process of its own on one core,
which draws images from the averaged generator at several marks. Marks are CPU seconds of that
process in training; starting, compiling, drawing and writing do not count. The schedule of the run
ends at its last mark, by the speed of its first steps. As many pieces run at once as there are
`--cores`. Then a judge that no contender saw (`judge.py`) scores all images.

Everything is kept in `--work`: trained.jsonl and judged.jsonl, and pieces/NAME/MARK.npz and .png. A
rerun does only what is missing. `--label` names the version of this package in the names of its
pieces: another label is trained anew and stands beside. Peers run in an environment of their own,
`--torch`: PyTorch and NumPy; for lightweight-gan also its package with einops, kornia, tqdm and
adabelief-pytorch. Without it they are left out. Writes DIR/sheet.png and DIR/table.md; `--publish`
puts both and the rows into docs/pictures and results/.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

import board_table
import store
from board_clock import Piece
from board_folders import ALL, FOLDERS, STUDY, Folder, arrays, write_files
from ganvas import images as pictures

TOPIC = "quality_board"
HERE = Path(__file__).parent
MARKS, LONG_MARKS = [60.0, 300.0], [60.0, 300.0, 600.0]
MOST, FEWEST = 2000, 1000
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": f"{2**25}", "MALLOC_TRIM_THRESHOLD_": f"{2**30}",
    "MALLOC_TOP_PAD_": f"{2**28}",
}  # fmt: skip
"""glibc keeps large buffers, for all contenders: a step of R3GAN in PyTorch takes 1.9 in place of
3.2 CPU seconds."""


@dataclass(frozen=True)
class Own:
    """A recipe of this package; by default the one that the folder names, from noise."""

    recipe: str | None = None
    start_from: str = "none"
    values: tuple[tuple[str, object], ...] = ()
    most: int = MOST
    script: str = "board_own.py"

    def about(self, folder: Folder) -> dict:
        overrides = dict(self.values) if self.recipe else folder.overrides
        return {"recipe": self.recipe or folder.recipe, "overrides": overrides,
                "start_from": self.start_from}  # fmt: skip


@dataclass(frozen=True)
class Peer:
    """A loop in PyTorch: a file of peers/. `most`: images that are drawn at a mark."""

    loop: str
    most: int = MOST
    script: str = "peers/loop.py"

    def about(self, folder: Folder) -> dict:
        return {"loop": self.loop, "gamma": folder.gamma}


CONTENDERS = {
    "recipe": Own(),
    "pretrained": Own("finetune", "auto"),
    "dcgan": Peer("dcgan"),
    "r3gan": Peer("r3gan"),
    "lightweight-gan": Peer("lightweight", most=FEWEST),  # drawing takes as long as training
}


@dataclass(frozen=True)
class Job:
    """A piece and what its row says of it."""

    folder: str
    contender: str
    label: str
    seed: int
    marks: tuple[float, ...]

    @property
    def name(self) -> str:
        words = (self.folder, self.contender, self.label, f"seed{self.seed}")
        return store.slug(*filter(None, words), f"{self.marks[-1]:g}s")

    def command(self, options: argparse.Namespace, core: int) -> list[str]:
        """Write the piece, and return the command that plays it."""
        folder, contender = ALL[self.folder], (CONTENDERS | STUDIED)[self.contender]
        place, data = options.work / "pieces" / self.name, options.work / "data"
        place.mkdir(parents=True, exist_ok=True)
        own = isinstance(contender, Own)
        files = write_files(self.folder, data / self.folder) if own and folder.files else ""
        train, _, _ = arrays(self.folder)
        piece = Piece(
            contender.about(folder), f"{data / self.folder}.npz", f"{files}", f"{place}",
            self.seed, list(self.marks), min(contender.most, max(FEWEST, len(train))), core,
        )  # fmt: skip
        path = place / "piece.json"
        path.write_text(json.dumps(dataclasses.asdict(piece)))
        python = sys.executable if own else options.torch
        return [python, f"{HERE / contender.script}", f"{path}"]

    def row(self, options: argparse.Namespace) -> dict | None:
        """What the process that played it has left; None if it is not done."""
        path = options.work / "pieces" / self.name / "row.json"
        if not path.is_file():
            return None
        return {**dataclasses.asdict(self), **json.loads(path.read_text())}


STUDIED = {
    "noise": Own("finetune"),
    "pretrained": Own("finetune", "auto"),
    "frozen": Own("finetune", "auto", (("train.freeze", 2),)),
}
FEW = 400
"""Up to so many images, the study freezes layers of the discriminator, too."""


def jobs(options: argparse.Namespace) -> list[Job]:
    """The first seed of all folders comes first. Peers run once, to the marks of all folders."""
    found = []
    contenders = STUDIED if options.study else CONTENDERS
    folders = STUDY if options.study else FOLDERS
    for seed, (name, folder) in itertools.product(range(options.seeds), folders.items()):
        for contender, what in contenders.items():
            own = isinstance(what, Own)
            once = not own or contender == "frozen"
            if not folder.there or (once and seed) or not (own or options.torch):
                continue
            if contender == "frozen" and folder.most > FEW:
                continue
            marks = options.marks or (LONG_MARKS if folder.long and own else MARKS)
            found.append(Job(name, contender, options.label if own else "", seed, tuple(marks)))
    return [job for job in found if not options.only or options.only in job.name]


def train(options: argparse.Namespace) -> None:
    """Play the pieces that are missing, one on each core at a time."""
    path = options.work / "trained.jsonl"
    done = store.lines_of(path)
    missing = [job for job in jobs(options) if job.name not in done]
    write_data(options, {job.folder for job in missing})
    waiting, running = iter(missing), {}
    began = time.monotonic()
    while True:
        for core in options.cores:
            late = time.monotonic() - began > 60 * options.minutes
            while core not in running and not late and (job := next(waiting, None)):
                if job.row(options) is None:
                    running[core] = job, start(job, options, core)
                else:  # it ended after the board was killed
                    store.append(path, job.name, job.row(options))
        if not running:
            return
        time.sleep(0.2)
        for core, (job, process) in list(running.items()):
            if process.poll() is not None:
                del running[core]
                finish(job, process.returncode, options)


def write_data(options: argparse.Namespace, names: set[str]) -> None:
    """The arrays of the folders, for the processes."""
    for name in names:
        path = options.work / "data" / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        images, labels, _ = arrays(name)
        np.savez(path, x=images, **({} if labels is None else {"y": labels}))


def start(job: Job, options: argparse.Namespace, core: int) -> subprocess.Popen:
    command = job.command(options, core)
    log = options.work / "pieces" / job.name / "log.txt"
    print(f"core {core}: {job.name}", flush=True)
    with log.open("w") as file:
        return subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, cwd=HERE, env=os.environ | KEEP_MEMORY
        )


def finish(job: Job, status: int, options: argparse.Namespace) -> None:
    """Keep the row of a piece, and write its grids."""
    place = options.work / "pieces" / job.name
    row = job.row(options)
    if row is None:
        said = (place / "log.txt").read_text().strip().splitlines()[-1:]
        print(f"failed ({status}): {job.name}: {' '.join(said)} ({place / 'log.txt'})", flush=True)
        return
    for mark in job.marks:
        images = images_of(place / f"{mark:g}.npz")
        pictures.write_png(place / f"{mark:g}.png", pictures.grid(images[:100], 10))
    store.append(options.work / "trained.jsonl", job.name, row)
    print(f"done: {job.name}, {row['ms_per_image']} CPU ms an image", flush=True)


def images_of(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as file:
        return file["x"]


def judge(options: argparse.Namespace) -> None:
    """Score what has no score, folder by folder."""
    import judge as judges

    if judges.weights() is None:
        print("not judged: $GANVAS_JUDGE names no file of weights, see judge.py")
        return
    path = options.work / "judged.jsonl"
    done = store.lines_of(path)
    for name in ALL:
        missing = [key for key in pieces(options, name) if key[0] not in done]
        if not missing:
            continue
        images, _, held = arrays(name)
        chosen = judges.Judge(images, held)
        if f"{name}-real" not in done:
            about = {"folder": name, "contender": "real images", "label": "", "seed": 0}
            store.append(path, f"{name}-real", about | {"scores": chosen.floor()})
        for key, row, mark in missing:
            fakes = images_of(options.work / "pieces" / row["piece"] / f"{mark['mark']:g}.npz")
            kept = {k: row[k] for k in ("folder", "contender", "label", "seed", "weights",
                                        "ms_per_image", "start_up")}  # fmt: skip
            scores = chosen.scores(fakes)
            store.append(path, key, {**kept, **mark, "images": len(fakes), "scores": scores})
            print(key, {k: v[0] for k, v in scores.items()}, flush=True)


def pieces(options: argparse.Namespace, folder: str) -> Iterator[tuple[str, dict, dict]]:
    """(name of its score, row, mark) of each mark of the trained pieces of a folder."""
    for name, line in store.lines_of(options.work / "trained.jsonl").items():
        row = {**line["result"], "piece": name}
        if row["folder"] == folder:
            for mark in row["marks"]:
                yield f"{name}-at{mark['mark']:g}", row, mark


def show(options: argparse.Namespace) -> None:
    """The contact sheet and the table of all there is."""
    trained = [
        {**line["result"], "piece": name}
        for name, line in store.lines_of(options.work / "trained.jsonl").items()
    ]
    judged = store.lines_of(options.work / "judged.jsonl")
    rows = [line["result"] for line in judged.values()]
    cells = board_table.cells(trained, rows, options.work / "pieces")
    if not cells:
        return
    sheet = board_table.sheet(cells, list(ALL))
    pictures.write_png(options.work / "sheet.png", sheet)
    (options.work / "table.md").write_text(board_table.table(rows))
    (options.work / "verdicts.md").write_text(board_table.verdicts(rows))
    if options.publish:
        name = "study" if options.study else "sheet"
        Image.fromarray(sheet).save(store.picture(TOPIC, name, ".jpg"), quality=88)
        for name, line in judged.items():
            store.add(TOPIC, name, line["result"])
        rows = list(store.read(TOPIC).values())  # of the board and of the study
        store.write_table(TOPIC, board_table.table(rows))
        store.write_table(f"{TOPIC}_verdicts", board_table.verdicts(rows))


def parsed() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--work", type=Path, required=True, help="folder of all that is kept")
    options.add_argument("--torch", help="the Python of the peers; without it they are left out")
    options.add_argument("--label", default="today", help="names the version of this package")
    options.add_argument("--marks", type=float, nargs="+", help="CPU seconds; default 60 300 (600)")
    options.add_argument("--seeds", type=int, default=1, help="of our contenders; peers have one")
    options.add_argument("--cores", type=int, nargs="+", default=[0, 1])
    options.add_argument("--minutes", type=float, default=1e9, help="then no new piece is started")
    options.add_argument("--only", help="pieces whose name contains this")
    options.add_argument(
        "--study", action="store_true", help="finetune from a pair and from noise, by folder size"
    )
    options.add_argument("--publish", action="store_true", help="into results/ and docs/pictures/")
    chosen = options.parse_args()
    chosen.work = chosen.work.absolute()
    chosen.work.mkdir(parents=True, exist_ok=True)
    return chosen


def main() -> None:
    options = parsed()
    train(options)
    judge(options)
    show(options)


if __name__ == "__main__":
    main()
