"""How failing runs end if they roll back and apply fixes by themselves.

    python benchmarks/healing.py [--seeds 2] [--part 0/2] [--only NAME]

The fixable faults of `benchmarks/doctor.py` on MNIST, with `train.heal`, at the same budget of
kimg; a run is healed if it ends within 1.5 times the median Frechet distance of healthy runs of
that length. Also `classic` beside `classic --heal`.

Each run is a line of results/healing.jsonl, and is not made again, with a picture of ten images
before the first fix and ten at the end in docs/pictures/healing/. Writes results/healing.md,
docs/pictures/healing.png and docs/pictures/classic-heal.png.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import doctor
import ganvas
import store
from doctor import BASE, FAULTS, late, shorter
from ganvas import images
from ganvas.errors import Diverged
from jobs import parser, rate, run_all

FIXABLE = [name for name in FAULTS if name != "50 images"]
KIMG = doctor.KIMG = 48
NEAR = 1.5  # times the healthy median: healed
SHOWN = ("discriminator too strong", "generator's rate x 100", "wasserstein, no bound",
         "discriminator frozen", "generator far too small")  # fmt: skip
CLASSIC = {"train.kimg": 96, "train.tick_kimg": 3.84, "scores.times": 4, "watch.grids": 4,
           "watch.tensorboard": False}  # fmt: skip


def play(kind: str, fault: str, seed: int) -> dict:
    """kind: "early" or "late" faults; "healthy"; "classic": fault is "heal" or "plain"."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        values = {**BASE, "train.kimg": KIMG, "train.seed": seed, "train.heal": True}
        recipe = "quick"
        if kind == "classic":
            recipe, values = kind, {**CLASSIC, "train.heal": fault == "heal"}
        elif kind == "early":
            values |= FAULTS[fault][0]
        try:
            if kind == "late":
                late(run, fault, values)
            else:
                ganvas.train("mnist", recipe, run=run, overrides=values, progress=False)
        except Diverged as error:
            print(error, flush=True)
        done = ganvas.Run(run)
        rows = done.rows() if done.info["status"] == "finished" else []
        if seed == 0:
            keep(done, f"{kind}-{fault}")
        return {
            "kind": kind, "fault": fault, "seed": seed, "status": done.info["status"],
            "frechet": shorter(rows[-1]["score/frechet"]) if rows else None,
            "healed": [[one["kimg"], one["disease"], one["cure"], one["back_to"] is None]
                       for one in done.info.get("healed", [])],
        }  # fmt: skip


def keep(run: ganvas.Run, name: str) -> None:
    """Ten images when it was first stopped, and ten at the end: two rows."""
    grids = sorted((run.folder / "samples").glob("0*.png"))
    strips = []
    for path in (grids[0], grids[-1]):
        grid = images.read(path)
        side = (grid.shape[0] + 2) // 10  # cells and the lines of two pixels between them
        cells = [grid[i * side :][: side - 2, : side - 2] for i in range(10)]
        strips.append(np.concatenate(cells, axis=1))
    images.write_png(store.picture("healing", name), np.concatenate(strips))


def jobs(seeds: int) -> list[tuple[str, str, int]]:
    mine: list[tuple[str, str, int]] = []
    for seed in range(seeds):
        mine += [("healthy", "none", seed)]
        mine += [("early", fault, seed) for fault in FIXABLE if fault != "NaN"]
    mine += [("late", fault, 0) for fault in FIXABLE if not fault.startswith("generator far")]
    return [*mine, ("classic", "heal", 0), ("classic", "plain", 0)]


def summary(runs: list[dict]) -> str:
    """The table, and the share that was healed."""
    well = float(np.median([r["frechet"] for r in runs if r["kind"] == "healthy"]))
    rows, healed = [], []
    faults = dict.fromkeys((r["kind"], r["fault"]) for r in runs if r["kind"] in ("early", "late"))
    for kind, fault in faults:
        mine = [r for r in runs if (r["kind"], r["fault"]) == (kind, fault)]
        ratios = [(r["frechet"] or float("inf")) / well for r in mine]
        healed += [ratio <= NEAR for ratio in ratios]
        fixes = [one for r in mine[:1] for one in r["healed"]]
        rows.append([
            f"{kind}: {fault}",
            "; ".join(f"{at:g} kimg, {what}: {', '.join(words)}" for at, what, words, _ in fixes),
            ", ".join(f"{ratio:.2f}" for ratio in ratios),
        ])  # fmt: skip
    sentence = (
        f"{sum(healed)} of {len(healed)} fixable failing runs ({rate(sum(healed), len(healed))}) "
        f"end within {NEAR} times the Frechet distance of healthy runs of the same {KIMG} kimg "
        f"({well:.1f}).\n\n"
    )
    for name in ("plain", "heal"):
        for run in (r for r in runs if (r["kind"], r["fault"]) == ("classic", name)):
            sentence += f"classic, {name}: {run['frechet']} after {CLASSIC['train.kimg']} kimg.\n\n"
    head = ["injected fault", "fixes of the first seed", "Frechet over healthy, by seed"]
    return sentence + store.markdown(head, rows)


def charts() -> None:
    """Before and after, of some faults; classic with and without."""
    from matplotlib.figure import Figure

    charted = {
        "healing": {name: store.picture("healing", f"early-{name}") for name in SHOWN},
        "classic-heal": {
            "classic": store.picture("healing", "classic-plain"),
            "classic --heal": store.picture("healing", "classic-heal"),
        },
    }
    for target, files in charted.items():
        rows = {name: path for name, path in files.items() if path.exists()}
        if not rows:
            continue
        figure = Figure(figsize=(7, 1.5 * len(rows)), layout="constrained")
        for number, (name, path) in enumerate(rows.items(), 1):
            axes = figure.add_subplot(len(rows), 1, number)
            axes.imshow(images.read(path)[..., 0], cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([14, 42], ["early", "end"], fontsize=7)
            axes.set_title(name, fontsize=8, loc="left")
        figure.savefig(store.PICTURES / f"{target}.png", dpi=130)


def main() -> None:
    chosen = parser(__doc__, seeds=2).parse_args()
    runs = run_all("healing", jobs(chosen.seeds), play, chosen)
    charts()
    store.write_table("healing", summary(runs))


if __name__ == "__main__":
    main()
