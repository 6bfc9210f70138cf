"""One training by several workers of this machine: what `scale.py` asks for.

At equal total work: the same images of MNIST, the small network of `quick`, several batches; and
the same images and network at 64 px, where a step is as long as those that are worth sharing.
Overhead: seconds a tick against those of 1 worker, without the first tick. Machines change their
speed within minutes, so the counts of workers take turns, and each is compared within its turn.
Waiting: as many processes at once, each alone with its part of the batch, are quicker by it. Where
workers are more than cores, they take turns: no speed-up can show, overhead can. Losses are
compared over the first three steps, of one thread in each process: sums in another order round
otherwise, be it by threads or by workers, and a game makes much of that later. Once without
`workers.keep_memory`.
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

import store

CORES = os.cpu_count() or 1
GAMES = {("28", "64"): 25.6, ("28", "256"): 25.6, ("28", "512"): 51.2, ("64", "64"): 3.2}
"""(pixels a side, images in a batch): how many thousand images are played of these."""
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
    turns = [("training", *game, str(turn)) for game in GAMES for turn in range(TURNS)]
    return turns + [("alike", *game) for game in GAMES] + [("forgetful", "28", "256")]


def command(run: Path, workers: int | None = None, **sets) -> list[str]:
    words = ["train", "mnist", "--recipe", "quick", "--run", run]
    words += [] if workers is None else ["--workers", workers]
    for key, value in (SETS | sets).items():
        words += ("--set", f"{key}={value}")
    return [sys.executable, "-m", "ganvas", *map(str, words)]


def game(side: str, batch: int, kimg: float, ticks: int = TICKS) -> dict:
    return {
        "data.size": side, "train.batch": batch, "train.kimg": kimg, "train.tick_kimg": kimg / ticks
    }  # fmt: skip


def rows_of(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def tick_seconds(run: Path) -> float:
    """The median of a tick, without the first, which compiles."""
    return float(np.median(np.diff([row["seconds"] for row in rows_of(run)])))


def together(run: Path, workers: int | None, sets: dict, **environment: str) -> None:
    done = subprocess.run(
        command(run, workers, **sets), capture_output=True, env=os.environ | environment
    )
    if done.returncode:
        raise SystemExit(done.stderr.decode())


def threads(count: int) -> dict[str, str]:
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
    return dict.fromkeys(names, str(count))


def apart(folder: Path, workers: int, side: str, batch: int, kimg: float) -> float:
    """Seconds a tick where each plays its part of the batch alone, all at once."""
    env = os.environ | threads(max(1, CORES // workers))
    sets = game(side, batch // workers, kimg / workers)
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


def training(side: str, size: str, turn: str) -> dict:
    """Seconds a tick of each count, one after the other; in the first turn, of all apart, too."""
    batch, kimg, seconds, alone = int(size), GAMES[side, size], {}, {}
    for workers in COUNTS if int(turn) % 2 == 0 else reversed(COUNTS):
        with tempfile.TemporaryDirectory() as folder:
            together(Path(folder) / "together", workers, game(side, batch, kimg))
            seconds[str(workers)] = tick_seconds(Path(folder) / "together")
    for workers in COUNTS[1:] if turn == "0" else ():
        with tempfile.TemporaryDirectory() as folder:
            alone[str(workers)] = apart(Path(folder), workers, side, batch, kimg)
    return {
        "what": "training", "side": int(side), "batch": batch, "turn": int(turn), "cores": CORES,
        "kimg_a_tick": kimg / TICKS, "seconds": seconds, "seconds_apart": alone,
    }  # fmt: skip


def alike(side: str, size: str) -> dict:
    """What the counts see, and their losses in the first three steps."""
    batch, losses = int(size), {}
    for workers in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "few"
            sets = game(side, batch, 3 * batch / 1000, ticks=3)
            together(run, None if workers == 1 else workers, sets, **threads(1))
            losses[workers] = [[row["discriminator"], row["generator"]] for row in rows_of(run)]
    images = {workers: seen(workers, side, batch) for workers in COUNTS}
    return {
        "what": "alike", "side": int(side), "batch": batch, "losses": losses,
        "images_sha256": images,
    }  # fmt: skip


def seen(workers: int, side: str, batch: int) -> str:
    """A digest of the images that so many workers read of the first batches, put together."""
    from ganvas.data import Options, load
    from ganvas.training.replicas import rows_of_replicas

    source = load("mnist", Options(size=int(side)))
    parts = [
        source.stream(batch, 0, part=own).take(50) for own in rows_of_replicas(batch, 1, workers)
    ]
    digest = hashlib.sha256()
    for batches in zip(*parts, strict=True):
        digest.update(np.concatenate([images.numpy() for images, _ in batches]).tobytes())
    return digest.hexdigest()


def forgetful(side: str, size: str) -> dict:
    """Two workers, and the same where glibc is left as it is: by a word to it that says nothing."""
    seconds = []
    for environment in ({}, {"MALLOC_PERTURB_": "0"}):
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "together"
            together(run, 2, game(side, int(size), GAMES[side, size]), **environment)
            seconds.append(tick_seconds(run))
    return {"what": "forgetful", "batch": int(size), "times": seconds[1] / seconds[0]}


def table(turns: list[dict], alikes: list[dict], forgetfuls: list[dict]) -> str:
    lines = []
    for side, batch in sorted({(turn["side"], turn["batch"]) for turn in turns}):
        own = [turn for turn in turns if (turn["side"], turn["batch"]) == (side, batch)]
        about = next((r for r in alikes if (r["side"], r["batch"]) == (side, batch)), None)
        for count in map(str, COUNTS):
            ratios = [turn["seconds"][count] / turn["seconds"]["1"] - 1 for turn in own]
            rate = statistics.median(1000 * t["kimg_a_tick"] / t["seconds"][count] for t in own)
            step = 1000 * batch / rate
            waits = [
                f"{1 - turn['seconds_apart'][count] / turn['seconds'][count]:.0%}"
                for turn in own if count in turn["seconds_apart"]
            ]  # fmt: skip
            lines.append([
                str(side), str(batch), count, f"{rate:.0f}", f"{step:.0f}",
                "-" if count == "1" else ", ".join(f"{ratio:+.0%}" for ratio in ratios),
                *(waits or ["-"]), *(likeness(about, count) if about else ("-", "-")),
            ])  # fmt: skip
    head = ["pixels a side", "batch", "workers", "images/s", "ms a step", "overhead, each turn",
            "waiting for others", "same images", "losses differ by"]  # fmt: skip
    text = f"\nTraining, {CORES} cores:\n\n" + store.markdown(head, lines) if lines else ""
    for one in forgetfuls:
        text += f"\nTwo workers that give freed memory back, in batches of {one['batch']}, take "
        text += f"{one['times']:.1f} times as long.\n"
    return text


def likeness(about: dict, count: str) -> tuple[str, str]:
    images, losses = about["images_sha256"], about["losses"]
    apart = np.abs(np.array(losses[count]) - np.array(losses["1"])).max()
    return "yes" if images[count] == images["1"] else "NO", f"{apart:.0e}"
