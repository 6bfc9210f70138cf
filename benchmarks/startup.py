"""The processor time of commands from their start, as multiples of `import tensorflow`.

    python benchmarks/startup.py [--before CLONE] [--rounds 3] [--files 100000]

Each round runs `import tensorflow` and each command in a new process: `sample`, `morph`, `train` of
one step, `evaluate` and `export` of a run of `quick` on MNIST, and commands with a wrong name or
path. With a clone of an older commit, each command is run by both, in turn, with a run of its own.
Then a folder of small JPEG files is read twice by new processes: the second one finds the checkup
in the cache. Last, what the LiteRT file of a best model costs while training. All times are those
of the process, user and system: they hardly depend on other work on the machine.

A line of results/startup.jsonl for each command; those that have one are not measured again. Writes
results/startup.md.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import store

NOW = store.ROOT
QUICK = ["--recipe", "quick", "--set", "train.kimg=3.2"]
ONE_STEP = ["--recipe", "quick", "--set", "scores.times=0"] + [
    word
    for value in ("kimg=0.064", "tick_kimg=0.064", "steps_per_execution=1")
    for word in ("--set", f"train.{value}")
]
COMMANDS = {
    "sample": ["sample", "RUN", "--out", "NEW.png"],
    "morph": ["morph", "RUN", "--out", "NEW.gif"],
    "train, one step": ["train", "mnist", *ONE_STEP, "--run", "NEW"],
    "evaluate, 200 images": ["evaluate", "RUN", "-n", "200", "--metrics", "kid"],
    "export, LiteRT": ["export", "RUN", "--to", "NEW", "--formats", "litert"],
}
EXACT = "sample --exact"
REFUSED = {
    "train": ["train", "nothere/"],
    "resume": ["resume", "RUN", "nothere/"],
    "sample": ["sample", "nothere/"],
    "morph": ["morph", "nothere/"],
    "evaluate": ["evaluate", "RUN", "--data", "nothere/"],
    "evaluate, features": ["evaluate", "RUN", "--features", "nosuch"],
    "export": ["export", "RUN", "--to", "NEW", "--data", "nothere/"],
}
READ = """
import sys, time
from ganvas.data import load
began = time.process_time()
load(sys.argv[1])
print(time.process_time() - began)
"""
CONVERT = """
import sys, time
from ganvas.sampling.sampler import load
from ganvas.storage.run import Run
from ganvas.training.converting import write_litert
run, sampler = Run.open(sys.argv[1]), load(sys.argv[1])
sampler.sample(1)
times = []
for _ in range(5):
    began = time.process_time()
    write_litert(run, sampler.file, sampler)
    times.append(time.process_time() - began)
print(sorted(times)[2])
"""


class Bench:
    """Processes of a clone, in a folder of their own."""

    def __init__(self, work: Path) -> None:
        self.work, self.count = work, 0

    def spent(self, clone: Path, words: list[str], code: int = 0) -> float:
        """The processor time of a process of Python, in seconds."""
        before = os.times()
        self.printed(clone, words, code)
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])  # of the children

    def command(self, clone: Path, words: list[str], code: int = 0) -> float:
        self.count += 1
        places = {"RUN": self.run(clone), "NEW": f"new{self.count}"}
        given = [places.get(word, word.replace("NEW.", f"new{self.count}.")) for word in words]
        return self.spent(clone, ["-m", "ganvas", *given], code)

    def run(self, clone: Path) -> str:
        """A run that the clone has trained: an older one cannot read the recipe of this one."""
        name = "run" if clone == NOW else "run-before"
        if not (self.work / name).exists():
            self.printed(clone, ["-m", "ganvas", "train", "mnist", *QUICK, "--run", name])
        return name

    def printed(self, clone: Path, words: list[str], code: int = 0) -> str:
        own = {"PYTHONPATH": str(clone / "src"), "GANVAS_CACHE": str(self.work / "cache")}
        done = subprocess.run(
            [sys.executable, *words], cwd=self.work, env=os.environ | own,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout


def paired(bench: Bench, words: list[str], clones: dict[str, Path], rounds: int) -> dict:
    """Medians of rounds: seconds, and multiples of `import tensorflow` in the same round."""
    seconds: dict[str, list[float]] = {name: [] for name in clones}
    units = []
    for number in range(rounds):
        units.append(bench.spent(NOW, ["-c", "import tensorflow"]))
        for name in list(clones)[:: -1 if number % 2 else 1]:
            seconds[name].append(bench.command(clones[name], words))
    multiples = {
        name: statistics.median(one / unit for one, unit in zip(taken, units, strict=True))
        for name, taken in seconds.items()
    }
    return {
        "import_tensorflow": round(statistics.median(units), 2),
        "seconds": {name: round(statistics.median(taken), 2) for name, taken in seconds.items()},
        "multiples": {name: round(multiple, 2) for name, multiple in multiples.items()},
    }


def converting(bench: Bench) -> dict:
    return {"seconds": round(float(bench.printed(NOW, ["-c", CONVERT, "run"])), 2)}


def files(bench: Bench, count: int) -> dict:
    write_files(bench.work / "files", count)
    twice = [bench.printed(NOW, ["-c", READ, "files"]) for _ in range(2)]
    return {"files": count, "seconds": [round(float(one), 1) for one in twice]}


def write_files(folder: Path, count: int) -> None:
    """Small JPEG files in ten folders: crops of one picture."""
    rng = np.random.default_rng(0)
    grey = Image.fromarray(rng.integers(0, 255, (50, 50, 3), np.uint8))
    picture = np.asarray(grey.resize((400, 400), Image.Resampling.BICUBIC))
    for number in range(count):
        place = folder / str(number % 10)
        place.mkdir(parents=True, exist_ok=True)
        top, left = rng.integers(0, 336, 2)
        crop = Image.fromarray(picture[top : top + 64, left : left + 64])
        crop.save(place / f"{number:06d}.jpg", quality=80)


def table(results: dict[str, dict]) -> str:
    rows = []
    for name in [*COMMANDS, EXACT]:
        by, seconds = results[store.slug(name)]["multiples"], results[store.slug(name)]["seconds"]
        before = f"{by['before']:.2f}" if "before" in by else "–"
        rows.append([f"`{name}`", before, f"{by['now']:.2f}", f"{seconds['now']:.1f}"])
    return store.markdown(["command", "before", "now", "now, CPU s"], rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--before", type=Path, help="a clone of an older commit")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--files", type=int, default=100_000)
    chosen = options.parse_args()
    now = {"now": NOW}
    both = ({"before": chosen.before.absolute()} if chosen.before else {}) | now
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        jobs: dict[str, Callable[[], dict]] = {
            name: functools.partial(paired, bench, words, both, chosen.rounds)
            for name, words in COMMANDS.items()
        }
        exact = [*COMMANDS["sample"], "--exact"]
        jobs[EXACT] = functools.partial(paired, bench, exact, now, chosen.rounds)
        jobs["refused"] = lambda: {
            name: round(bench.command(NOW, words, 2), 2) for name, words in REFUSED.items()
        }
        jobs["litert"] = functools.partial(converting, bench)
        jobs["files"] = functools.partial(files, bench, chosen.files)
        left = {name: job for name, job in jobs.items() if store.slug(name) not in found()}
        if left:
            bench.run(NOW)
        for name, job in left.items():
            store.add("startup", store.slug(name), job())
            print(name, found()[store.slug(name)], flush=True)
    store.write_table("startup", table(found()))


def found() -> dict[str, dict]:
    return store.read("startup")


if __name__ == "__main__":
    main()
