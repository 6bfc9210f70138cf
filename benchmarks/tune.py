"""A game that dies, and whether a search finds values by which it trains.

    python benchmarks/tune.py [--only straight] [--work FOLDER]

MNIST without labels, a small DCGAN without any normalisation, and all else of the recipe `classic`:
its loss, its learning rates, its beta1 and its own [tune]. 20 trials of 32 kimg, then the best
values and the recipe's own by three other seeds. A trial is judged by the Frechet distance of 1,000
images to held-out ones, in the features of digits; blank images have about 240.

The same search is done again for 10 trials and killed twice within a trial (`kill -9`): what was
finished must not be done again, and all trials must be those of the undisturbed search, score by
score. Both searches lie in --work and go on there when this script is started again. Writes
results/tune.jsonl, results/tune.md and docs/pictures/tune.png.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from ganvas import images as pictures
from ganvas.config import load_recipe, parse

TRIALS, PREFIX, KILLS = 20, 10, (3, 7)  # killed within the trials of these places
CLASSIC = load_recipe("classic")
RECIPE = parse({
    "recipe": "small-classic",
    "loss": CLASSIC.loss,
    "networks": {"name": "dcgan", "noise": 32, "width": 8, "discriminator_width": 16,
                 "norm": "none", "minibatch": "none"},
    "data": {"labels": False},
    "train": {"kimg": 32, "batch": 32, "steps_per_execution": 25, "ema_kimg": 1.0,
              "learning_rate": CLASSIC.train.learning_rate, "beta1": CLASSIC.train.beta1},
    "tune": CLASSIC.model_dump()["tune"],
})  # fmt: skip


def command(folder: Path, trials: int, repeats: int) -> list[str]:
    words = ["tune", "mnist", "--recipe", folder / "small-classic.toml", "--trials", trials,
             "--repeats", repeats, "--study", folder / "tune.db"]  # fmt: skip
    return [sys.executable, "-m", "ganvas", *map(str, words)]


def search(folder: Path, trials: int, repeats: int) -> dict:
    """The whole search, from wherever it is; what it says is shown."""
    subprocess.run(command(folder, trials, repeats), check=True)
    study = folder / "tune-study"
    logs = [log.read_text().splitlines() for log in study.glob("trials/*/log.jsonl")]
    spent = sum(json.loads(lines[-1])["seconds"] for lines in logs)
    found = json.loads((study / "tune.json").read_text())
    return {**found, "folder": folder.name, "training_seconds": round(spent)}


def killed(folder: Path) -> dict:
    """The first trials again, killed within some of them."""
    runs = folder / "tune-study" / "trials"
    cut = []
    for place in KILLS:
        words = command(folder, PREFIX, 0)
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None:  # a finished log has a line per tick; two are well within
            logs = sorted(runs.glob("*/log.jsonl"), key=lambda log: log.stat().st_ctime)
            if len(logs) > place and logs[-1].read_text().count("\n") >= 2:
                process.send_signal(signal.SIGKILL)
                process.wait()
                cut.append(logs[-1].parent.name)
            time.sleep(0.02)
    before = {log: log.stat().st_mtime_ns for log in runs.glob("*/log.jsonl")}
    finished = [log for log in before if log.parent.name != cut[-1]]
    result = search(folder, PREFIX, 0)
    touched = sum(log.stat().st_mtime_ns != before[log] for log in finished)
    return {**result, "cut": cut, "finished_before": len(finished), "done_again": touched}


def same(one: dict, other: dict) -> bool:
    """Whether the first trials are the same: values, scores, ends."""
    keys = ("values", "scores", "why", "run")
    trials = zip(one["trials"][:PREFIX], other["trials"][:PREFIX], strict=True)
    return all(a[key] == b[key] for a, b in trials for key in keys)


def write(straight: dict, cut: dict | None, folder: Path) -> None:
    repeats = straight["repeats"]
    names = ("default", "best")
    rows = [[name, *(f"{value:.1f}" for value in repeats[name])] for name in names]
    table = store.markdown(["values", *(f"seed {seed}" for seed in repeats["seeds"])], rows)
    ends = [trial["why"] for trial in straight["trials"]]
    whys = ", ".join(f"{ends.count(why)} {why}" for why in sorted({*ends} - {None}))
    best, own = straight["best"], straight["trials"][0]
    values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in best["values"].items())
    lines = [
        f"{len(ends)} trials of {straight['kimg']:g} kimg: {ends.count(None)} played to their end, "
        f"stopped early {whys}; {straight['training_seconds']} s of training, repeats included.",
        f"The recipe's own values: {own['why'] or own['value']}. The best, trial {best['trial']}: "
        f"{values}; {straight['by']} {best['value']:.1f} in the search.",
        f"Repeated: {repeats['verdict']}; difference {repeats['difference']:.1f}, 95 % interval "
        f"{repeats['low']:.1f} to {repeats['high']:.1f}.",
    ]
    if cut:
        lines.append(
            f"Killed within {len({*cut['cut']})} trials of {PREFIX} and gone on with: "
            f"{cut['done_again']} of {cut['finished_before']} finished trials were done again; "
            f"trials {'the same' if same(straight, cut) else 'NOT the same'} as undisturbed, "
            "score by score."
        )
    store.write_table("tune", "\n\n".join([*lines, table]))
    if folder.is_dir():
        draw(straight, folder)


def draw(straight: dict, folder: Path) -> None:
    """The last images by the default's values above, by the best below; the first other seed."""
    from ganvas.tuning.space import digest

    seed = {"train.seed": straight["repeats"]["seeds"][0]}
    rows = []
    for values in (seed, {**straight["best"]["values"], **seed}):
        run = folder / "tune-study" / "trials" / digest(values)
        grid = pictures.read(sorted((run / "samples").glob("0*.png"))[-1])
        rows.append(grid[: grid.shape[0] // 5])  # two of its ten rows
    pictures.write_png(store.PICTURES / "tune.png", np.concatenate(rows))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", choices=("straight", "killed"))
    options.add_argument("--work", type=Path, help="where the searches lie; default: temporary")
    chosen = options.parse_args()
    work = chosen.work or Path(tempfile.gettempdir()) / "ganvas-benchmark-tune"
    found = store.read("tune")
    plays = {"straight": lambda folder: search(folder, TRIALS, 3), "killed": killed}
    for name, play in plays.items():
        folder = work / name
        if name in found or chosen.only not in (None, name):
            continue
        if name == "killed":
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "small-classic.toml").write_text(RECIPE.toml())
        store.add("tune", name, play(folder))
    found = store.read("tune")
    if "straight" in found:
        write(found["straight"], found.get("killed"), work / "straight")


if __name__ == "__main__":
    main()
