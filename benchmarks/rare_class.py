"""Does a generator help a class of 20 or 50 images, where augmentation is already used?

    python benchmarks/rare_class.py [--seeds 5] [--only xray] [--scratch FOLDER]

The default study of `ganvas balance`, on MNIST "8" and Fashion-MNIST "shirt" with 20 and 50 images
of the rare class and 500 of each other, and on chest X-rays with 50 of the normal ones and 1,000
with pneumonia ($GANVAS_DATA, default ../shared/data; absent data are left out). Images are drawn
from the official training part; at most 4,000 of the official test part are the test. The five
seeds are the five folds of one draw, as for a user: the intervals do not cover the choice of the
images of the rare class.

Studies lie in the scratch folder, and a stopped one continues there. A finished setting is a line
of results/rare_class.jsonl, and is not repeated. Writes results/rare_class.md and a picture per
setting in docs/pictures/rare_class/. Lines without "study" in their name are of November 2026 and
of another measure, balanced accuracy, from generators that began from noise; their table is
results/rare_class_accuracy.md.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from ganvas.base.files import read_object, write_json
from ganvas.images import grid, write_png
from ganvas.kits import rare_class
from jobs import parser, run_all
from rare_class_data import DATA, SETTINGS, material

TEST = 4000
ORDER = ("xray-normal-50", "mnist-8-20", "fashion-shirt-20", "mnist-8-50", "fashion-shirt-50")
MEASURES = ("auroc", "sensitivity_at_90_specificity", "sensitivity_at_95_specificity")


def measure(setting: str, seeds: int, scratch: Path) -> dict:
    """The study of a setting; one that was stopped continues."""
    found = material(setting, 0, TEST)
    folder = scratch / store.slug(setting, seeds)
    clock = folder.with_suffix(".json")
    began = time.process_time(), time.perf_counter()
    before = read_object(clock) if clock.is_file() else {"cpu": 0.0, "wall": 0.0}
    try:
        verdict = rare_class.balance(
            (found.learn.images, found.learn.labels), [found.names[found.rare[0]]], folder,
            test=(found.test.images, found.test.labels), seeds=seeds, minutes=1e4,
        )  # fmt: skip
    finally:
        spent = {
            "cpu": before["cpu"] + time.process_time() - began[0],
            "wall": before["wall"] + time.perf_counter() - began[1],
        }
        write_json(clock, spent)
    picture(setting, found.learn.images[found.learn.labels == found.rare[0]], folder)
    kept = verdict.to_dict()
    del kept["about"], kept["folder"]
    return {"setting": setting, "seeds": seeds, "test": len(found.test),
            "seconds": {name: round(value) for name, value in spent.items()},
            "counts": verdict.about.pools, **kept}  # fmt: skip


def picture(setting: str, reals: np.ndarray, folder: Path) -> None:
    """Real images in the first row, synthetic ones below."""
    from PIL import Image

    files = sorted((folder / "images").glob("*/*.png"))[:60]
    fakes = np.stack([np.asarray(Image.open(file)).reshape(reals.shape[1:]) for file in files])
    row = reals[:20]
    sheet = grid(np.concatenate([row, np.full_like(row, 255), fakes]), 20)
    write_png(store.picture("rare_class", setting), sheet)


def span(change: dict) -> str:
    return f"{change['value']:+.4f} ({change['low']:+.4f} to {change['high']:+.4f})"


def about(row: dict) -> str:
    """A paragraph on a setting."""
    gates = "; ".join(
        f"images of {name}: precision {one['precision']:.2f} (real {one['real']:.2f}), coverage "
        f"{one['coverage']:.2f}"
        for name, one in row["gate"].items()
    )
    own = "; ".join(
        f"{c['arm']} against {c['against']} {span(c)}, {c['word']}"
        for c in row["others"]
        if c["kind"] in ("counterpart", "placebo")
    )
    return (
        f"**{row['setting']}: {row['word']}.** {row['sentence']}. {row['advice']} {own}. {gates}. "
        f"{row['seeds']} seeds, {row['test']:,} test images, {row['seconds']['cpu'] / 60:.1f} "
        "minutes of processor time."
    )


def lines(row: dict) -> list[list[str]]:
    """The rows of the table of a setting."""
    gains = {c["arm"]: c for c in row["others"] if c["kind"] == "baseline"}
    return [
        [row["setting"], arm["name"], f"{arm['ratio'] or arm['strength']:g}",
         f"{arm['valid_auroc']:.4f}", *(f"{arm[m]:.4f}" for m in MEASURES),
         f"{arm['balanced_accuracy']:.4f}",
         span(gains[arm["name"]]) if arm["name"] in gains else "",
         gains[arm["name"]]["word"] if arm["name"] in gains else ""]
        for arm in row["arms"]
    ]  # fmt: skip


def main() -> None:
    options = parser(__doc__, seeds=5)
    options.add_argument("--scratch", default=str(Path(tempfile.gettempdir()) / "rare_class"))
    chosen = options.parse_args()
    scratch = Path(chosen.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    there = [s for s in ORDER if (DATA / SETTINGS[s][0]).is_file()]
    jobs = [(setting, "study", chosen.seeds) for setting in there]
    rows = run_all("rare_class", jobs, lambda s, _, seeds: measure(s, seeds, scratch), chosen)
    rows = [row for row in rows if "gate" in row]
    head = ["setting", "arm", "setting chosen", "validation", "AUROC", "sensitivity at 90 %",
            "at 95 %", "balanced accuracy", "AUROC against class weights", "word"]  # fmt: skip
    table = [line for row in rows for line in lines(row)]
    words = [about(row) for row in rows]
    store.write_table("rare_class", "\n\n".join([*words, store.markdown(head, table)]))


if __name__ == "__main__":
    main()
