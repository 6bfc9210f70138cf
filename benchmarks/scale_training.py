"""One training by several workers of this machine: what `scale.py` asks for.

At equal total work: the same images, the small network of `quick`, batches of 64, 256 and 512.
Overhead: seconds a tick against those of 1 worker, without the first tick. Machines change their
speed within minutes, so the counts of workers take turns, and each is compared within its turn.
Waiting: as many processes at once, each alone with its part of the batch, are quicker by it. Where
workers are more than cores, they take turns: no speed-up can show, overhead can. Losses are
compared over the first three steps: sums in another order round otherwise, and a game makes much of
that later. Once without `workers.keep_memory`.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import jobs

CORES = os.cpu_count() or 1
GAMES = {"64": 25.6, "256": 51.2, "512": 102.4}
"""Batches, and how many thousand images are played in batches of so many."""
TICKS = 5
COUNTS = (1, 2, 4)
TURNS = 2
"""How often all counts are played: one turn upwards, the next downwards."""
SETS = {
    "train.steps_per_execution": 1,
    "networks.norm": "none", "networks.minibatch": "none", "watch.signals": "false",
    "watch.tensorboard": "false", "scores.times": 0,
}  # fmt: skip
"""Nothing that is normalised or drawn within a worker, so that curves can be compared."""


def todo() -> list[tuple[str, ...]]:
    turns = [("training", game, str(turn)) for game in GAMES for turn in range(TURNS)]
    return turns + [("alike", game) for game in GAMES] + [("forgetful", "256")]


def command(run: Path, workers: int | None = None, **sets) -> list[str]:
    words = ["train", "mnist", "--recipe", "quick", "--run", run]
    words += [] if workers is None else ["--workers", workers]
    for key, value in (SETS | sets).items():
        words += ("--set", f"{key}={value}")
    return [sys.executable, "-m", "ganvas", *map(str, words)]


def game(batch: int, kimg: float, ticks: int = TICKS) -> dict:
    return {"train.batch": batch, "train.kimg": kimg, "train.tick_kimg": kimg / ticks}


def rows_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def tick_seconds(run: Path) -> float:
    """The median of a tick, without the first, which compiles."""
    return float(np.median(np.diff([row["seconds"] for row in rows_of(run)])))


def together(run: Path, workers: int, sets: dict, **environment: str) -> None:
    done = subprocess.run(
        command(run, workers, **sets), capture_output=True, env=os.environ | environment
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode())


def apart(folder: Path, workers: int, batch: int, kimg: float) -> float:
    """Seconds a tick where each plays its part of the batch alone, all at once."""
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    env = os.environ | dict.fromkeys(names, str(max(1, CORES // workers)))
    sets = game(batch // workers, kimg / workers)
    runs = [folder / str(i) for i in range(workers)]
    processes = [
        subprocess.Popen(command(run, **sets), env=env,
                         stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for run in runs
    ]  # fmt: skip
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit("a process that trained alone failed")
    return float(np.mean([tick_seconds(run) for run in runs]))


def training(size: str, turn: str) -> dict:
    """Seconds a tick of each count, one after the other; in the first turn, of all apart, too."""
    batch, kimg, seconds, alone = int(size), GAMES[size], {}, {}
    for workers in COUNTS if int(turn) % 2 == 0 else reversed(COUNTS):
        with tempfile.TemporaryDirectory() as folder:
            together(Path(folder) / "together", workers, game(batch, kimg))
            seconds[str(workers)] = tick_seconds(Path(folder) / "together")
    for workers in COUNTS[1:] if turn == "0" else ():
        with tempfile.TemporaryDirectory() as folder:
            alone[str(workers)] = apart(Path(folder), workers, batch, kimg)
    return {
        "what": "training", "batch": batch, "turn": int(turn), "cores": CORES,
        "kimg_a_tick": kimg / TICKS, "seconds": seconds, "seconds_apart": alone,
    }  # fmt: skip


def alike(size: str) -> dict:
    """What the counts see, and their losses in the first three steps."""
    batch, losses = int(size), {}
    for workers in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "few"
            together(run, workers, game(batch, 3 * batch / 1000, ticks=3))
            losses[workers] = [[row["discriminator"], row["generator"]] for row in rows_of(run)]
    images = {workers: seen(workers, batch) for workers in COUNTS}
    return {"what": "alike", "batch": batch, "losses": losses, "images_sha256": images}


def seen(workers: int, batch: int) -> str:
    """A digest of the images that so many workers read of the first batches, put together."""
    from ganvas.data import load
    from ganvas.replicas import dealt

    source = load("mnist")
    parts = [source.stream(batch, 0, part=own).take(50) for own in dealt(batch, 1, workers)]
    digest = hashlib.sha256()
    for batches in zip(*parts, strict=True):
        digest.update(np.concatenate([images.numpy() for images, _ in batches]).tobytes())
    return digest.hexdigest()


def forgetful(size: str) -> dict:
    """Two workers, and the same where glibc is left as it is: by a word to it that says nothing."""
    seconds = []
    for environment in ({}, {"MALLOC_PERTURB_": "0"}):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "together"
            together(run, 2, game(int(size), GAMES[size]), **environment)
            seconds.append(tick_seconds(run))
    return {"what": "forgetful", "batch": int(size), "times": seconds[1] / seconds[0]}


def table(turns: list[dict], alikes: list[dict], forgetfuls: list[dict]) -> str:
    lines = []
    for batch in sorted({turn["batch"] for turn in turns}):
        own = [turn for turn in turns if turn["batch"] == batch]
        about = next((row for row in alikes if row["batch"] == batch), None)
        for count in map(str, COUNTS):
            ratios = [turn["seconds"][count] / turn["seconds"]["1"] - 1 for turn in own]
            rate = statistics.median(1000 * t["kimg_a_tick"] / t["seconds"][count] for t in own)
            waits = [
                f"{1 - turn['seconds_apart'][count] / turn['seconds'][count]:.0%}"
                for turn in own if count in turn["seconds_apart"]
            ]  # fmt: skip
            lines.append([
                str(batch), count, f"{rate:.0f}",
                "-" if count == "1" else ", ".join(f"{ratio:+.0%}" for ratio in ratios),
                *(waits or ["-"]), *(likeness(about, count) if about else ("-", "-")),
            ])  # fmt: skip
    head = ["batch", "workers", "images/s", "overhead, each turn", "waiting for others",
            "same images", "losses differ by"]  # fmt: skip
    text = f"\nTraining, {CORES} cores:\n\n" + jobs.markdown(head, lines) if lines else ""
    for one in forgetfuls:
        text += f"\nTwo workers that give freed memory back, in batches of {one['batch']}, take "
        text += f"{one['times']:.1f} times as long.\n"
    return text


def likeness(about: dict, count: str) -> tuple[str, str]:
    images, losses = about["images_sha256"], about["losses"]
    apart = np.abs(np.array(losses[count]) - np.array(losses["1"])).max()
    return "yes" if images[count] == images["1"] else "NO", f"{apart:.0e}"
