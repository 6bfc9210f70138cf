"""Runs with an injected fault and healthy ones, and whether the doctor tells them apart.

    python benchmarks/doctor.py [--part 0/2] [--only NAME] [--seeds 5]

Runs of `quick` on MNIST with one injected fault each, from the start or from the middle, and some
on emoji at 32 px (`noto_emoji_64.npz` under $GANVAS_DATA, default ../shared/data; left out where
that is absent); healthy runs over all recipes. A fault counts only if its run fails: if it ends at
3 times the median Frechet distance of healthy runs or more (of emoji: energy distance of pixels).
Runs of 50 images are scored against themselves, so they never fail by this rule; their findings
are shown and not counted. Rates come with Clopper-Pearson intervals. Thresholds
(doctor/failures.py) were set on even seeds; odd seeds are reported apart.

Each run is a line of results/doctor.jsonl, and is not made again: its log, rounded, is what the
doctor reads. Writes results/doctor.md.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ganvas
import store
from ganvas.doctor import examine
from ganvas.errors import Diverged
from jobs import parser, rate, run_all

EMOJI = Path(os.environ.get("GANVAS_DATA", "../shared/data")) / "noto_emoji_64.npz"
KIMG = 32
FAILED = 3.0  # times the healthy median: the run failed
BASE = {"train.kimg": KIMG, "train.tick_kimg": 1.6, "scores.times": 1, "watch.grids": 1,
        "watch.tensorboard": False}  # fmt: skip
STRONG = {"penalties": [], "loss": "nonsaturating", "networks.norm": "none",
          "networks.minibatch": "none", "train.learning_rate": 2e-4}  # fmt: skip
FAULTS: dict[str, tuple[dict, tuple[str, ...]]] = {
    # what is set, and the diseases that are correct names for it
    "discriminator too strong": (
        {**STRONG, "train.discriminator_learning_rate": 2e-2},
        ("vanishing_gradient", "mode_collapse", "divergence"),
    ),
    "discriminator too weak": (
        {"train.discriminator_learning_rate": 2e-6}, ("discriminator_collapse",)
    ),
    "generator's rate x 100": (
        {"train.learning_rate": 0.2}, ("mode_collapse", "oscillation", "divergence")
    ),
    "discriminator's rate x 100": (
        {"train.discriminator_learning_rate": 0.4},
        ("divergence", "vanishing_gradient", "discriminator_collapse"),
    ),
    "wasserstein, no bound": (
        {"loss": "wasserstein", "penalties": []}, ("divergence", "oscillation", "mode_collapse")
    ),
    "beta1 0.9": ({"train.beta1": 0.9, "penalties": []}, ("oscillation", "mode_collapse")),
    "generator far too small": (
        {"networks.width": 1, "networks.noise": 1}, ("mode_collapse", "vanishing_gradient")
    ),
    "50 images": ({}, ("bad_data", "overfitting")),
    "discriminator frozen": (
        {"train.discriminator_learning_rate": 1e-12}, ("discriminator_collapse",)
    ),
    "saturating loss": ({**STRONG, "loss": "saturating"}, ("vanishing_gradient", "mode_collapse")),
    "NaN": ({}, ("divergence",)),
}  # fmt: skip
LATE = [name for name in FAULTS if name not in ("generator far too small", "50 images")]
HEALTHY = {  # how many of each
    "quick": 7, "quick unlabelled": 7, "conditional": 3, "lsgan": 3, "minibatch": 3, "sngan": 3,
    "wgan": 3, "wgan-gp": 3, "r3gan": 2, "small-folder": 2, "rgb64": 1, "quick emoji": 3,
}  # fmt: skip
WITHOUT_FAULT = {"healthy": "healthy runs", "transfer": "runs from a pretrained pair"}
SLOW = ("r3gan", "wgan-gp", "small-folder", "rgb64")  # half as long


def play(kind: str, fault: str, seed: int) -> dict:
    """kind: "early", "late", "emoji" or "healthy"; fault: of the table, or a recipe."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        values = {**BASE, "train.seed": seed}
        data, recipe = "mnist", "quick"
        if kind == "healthy":
            recipe = fault.partition(" ")[0]
            values |= {"data.labels": "unlabelled" not in fault}
        else:
            values |= FAULTS[fault][0] if kind != "late" else {}
        if "emoji" in (kind, *fault.split()):
            data, values = f"{EMOJI}", {**values, "data.size": 32, "train.kimg": KIMG / 2}
        if recipe in SLOW:
            values["train.kimg"] = KIMG / 2
        if fault == "50 images":
            images, labels = ganvas.data.mnist.mnist("train")
            data, values = (images[50 * seed :][:50], labels[50 * seed :][:50]), {**values}
        try:
            if kind == "late" or fault == "NaN":
                late(run, fault, values)
            else:
                ganvas.train(data, recipe, run=run, overrides=values, progress=False)
        except Diverged:
            pass
        done = ganvas.Run(run)
        rows = [{k: shorter(v) for k, v in row.items()} for row in done.rows()]
        return {
            "kind": kind, "fault": fault, "seed": seed, "status": done.info["status"],
            "diverged": done.info.get("diverged"), "kimg": values["train.kimg"],
            "data": done.read_json("data.json"),
            "rows": rows,
        }  # fmt: skip


def late(run: Path, fault: str, values: dict) -> None:
    """A healthy first half; then the fault, written into its recipe or its weights."""
    ganvas.train(
        "mnist", "quick", run=run, overrides={**values, "train.kimg": KIMG / 2}, progress=False
    )
    old = ganvas.Run(run)
    fits = {k: v for k, v in FAULTS[fault][0].items() if not k.startswith("networks.")}
    changed = old.config.with_values({**fits, "train.kimg": KIMG})
    old.write("config.toml", changed.toml())
    if fault == "NaN":
        broken_weights(old)
    ganvas.resume(run, progress=False)


def broken_weights(run: ganvas.Run) -> None:
    """NaN in the only state of a run."""
    path, *others = reversed(run.states())
    with np.load(path) as arrays:
        state = dict(arrays)
    state["generator/000"] = state["generator/000"] * np.nan
    for other in others:
        other.unlink()
    run.save_state(int(path.stem), state)


def shorter(value):
    return float(f"{value:.4g}") if isinstance(value, float) else value


def jobs(seeds: int) -> list[tuple[str, str, int]]:
    """Fewer seeds of what takes minutes; 40 healthy runs in all."""
    mine: list[tuple[str, str, int]] = []
    for seed in range(seeds):
        mine += [("early", fault, seed) for fault in FAULTS if fault != "NaN"]
        if seed < 3:
            mine += [("late", fault, seed) for fault in LATE]
            mine += [("emoji", fault, seed) for fault in list(FAULTS)[:4] if EMOJI.exists()]
    for recipe, count in HEALTHY.items():
        if "emoji" not in recipe or EMOJI.exists():
            mine += [("healthy", recipe, seed) for seed in range(count)]
    return mine


def alarm(run: dict) -> tuple[float, str] | None:
    """When the doctor is certain for the first time, in kimg, and of what first."""
    rows = run["rows"]
    for count in range(1, len(rows) + 1):
        certain = [f for f in examine(rows[:count], run["data"]) if f.severity == "certain"]
        if certain:
            return rows[count - 1]["kimg"], certain[0].failure
    if run["status"] != "diverged":
        return None
    broken = run["diverged"] or {"kimg": rows[-1]["kimg"] if rows else 0.0}
    return broken["kimg"], examine(rows, run["data"], broken)[0].failure


def quality(run: dict) -> float:
    """At the end, lower is better: Frechet distance of digits. Of emoji, the energy distance of
    pixels: after so few images even a healthy run is poor in the features of photographs."""
    if run["status"] == "diverged" or not run["rows"]:
        return float("inf")
    emoji = "emoji" in (run["kind"], *run["fault"].split())
    return run["rows"][-1].get("signal/distance" if emoji else "score/frechet", float("inf"))


def measured(runs: list[dict]) -> tuple[str, str]:
    """Sentences, and the table of injected faults."""
    well = {
        kind: float(np.median([quality(r) for r in runs if r["fault"] == fault]))
        for kind, fault in (("early", "quick"), ("late", "quick"), ("emoji", "quick emoji"))
    }
    return tabulated(runs, lambda run: quality(run) >= FAILED * well[run["kind"]])


def tabulated(runs: list[dict], fails: Callable[[dict], bool]) -> tuple[str, str]:
    """Sentences on detected failures and false alarms, and the table of injected faults."""
    faults: dict[str, list[dict]] = {}
    for run in runs:
        if run["kind"] not in WITHOUT_FAULT:
            place = f"{run['set']}, " if "set" in run else ""
            faults.setdefault(f"{place}{run['kind']}: {run['fault']}", []).append(run)
    rows, failing = [], []
    for name, mine in faults.items():
        failed = [run for run in mine if fails(run)]
        told = Counter(found[1] for found in map(alarm, mine) if found)
        record = [recorded(run) for run in failed]
        failing += record
        delays = [one[3] for one in record if one[1]]
        rows.append([
            name, str(len(mine)), str(len(failed)),
            str(len(delays)), str(sum(one[2] for one in record)),
            f"{np.median(delays):.0%}" if delays else "-",
            ", ".join(f"{name} {count}" for name, count in told.most_common()),
        ])  # fmt: skip
    lines = []
    for title, part in (
        ("All", failing),
        ("Odd seeds", [one for one in failing if one[0]["seed"] % 2]),
    ):
        if not part:
            continue
        found, named = (sum(one[i] for one in part) for i in (1, 2))
        delays = [one[3] for one in part if one[1]]
        lines.append(
            f"{title}: {found} of {len(part)} failing runs detected ({rate(found, len(part))}), "
            f"{named} with the correct failure first ({rate(named, len(part))}), median delay "
            f"{np.median(delays):.0%} of the run."
        )
    for kind, words in WITHOUT_FAULT.items():
        healthy = [run for run in runs if run["kind"] == kind]
        false = [(r["fault"], r["seed"], alarm(r)) for r in healthy if alarm(r)]
        if healthy:
            lines.append(
                f"False alarms in {len(false)} of {len(healthy)} {words} "
                f"({rate(len(false), len(healthy))}){': ' + str(false) if false else ''}."
            )
    head = ["injected fault", "runs", "failed", "detected", "correct first", "delay", "named"]
    return "\n\n".join(lines), store.markdown(head, rows)


def recorded(run: dict) -> tuple[dict, bool, bool, float | None]:
    """A failing run; whether it was detected, and under a correct name; the delay."""
    found = alarm(run)
    begin = run["kimg"] / 2 if run["kind"] == "late" else 0
    right = bool(found) and found[1] in FAULTS[run["fault"]][1]
    return run, bool(found), right, (found[0] - begin) / run["kimg"] if found else None


def main() -> None:
    chosen = parser(__doc__, seeds=5).parse_args()
    runs = run_all("doctor", jobs(chosen.seeds), play, chosen)
    sentences, table = measured(runs)
    store.write_table("doctor", f"{sentences}\n\n{table}")


if __name__ == "__main__":
    main()
