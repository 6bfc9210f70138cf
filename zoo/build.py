"""Train the models of the zoo, and put their files into the package.

    python zoo/build.py [--only digits] [--runs FOLDER]

Trains by models.toml (a finished run in the folder of runs is taken as it is), exports a LiteRT
file, packs both networks in half precision, draws a sheet, and writes models.json with the sha256
of every file. $GANVAS_DATA (default ../shared/data) holds the data that no package brings; models
without their data are left out, and stay as they are. Needs `pip install 'ganvas[train]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ganvas
from ganvas.storage.run import Run
from ganvas.training.beginning import pack

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "src" / "ganvas_zoo"
DATA = Path(os.environ.get("GANVAS_DATA", HERE.parent.parent / "shared" / "data"))


def images(name: str, runs: Path) -> str | None:
    """What a run trains on: a name, or a file that is made of one of $GANVAS_DATA; None if that is
    not there."""
    if not name.endswith(".npz"):
        return name
    made = runs / name
    if not made.is_file() and (DATA / name).is_file():
        runs.mkdir(parents=True, exist_ok=True)
        with np.load(DATA / name, allow_pickle=False) as arrays:
            np.savez_compressed(made, **_training(arrays))
    return str(made) if made.is_file() else None


def _training(arrays: Any) -> dict[str, np.ndarray]:
    """Images and labels, under names that ganvas reads."""
    if "rgba" in arrays:  # emoji: on white
        rgba = arrays["rgba"]
        alpha = rgba[..., 3:] / 255.0
        drawn = np.uint8(rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5)
        return {"x_train": drawn, "y_train": arrays["category"].astype(np.int64)}
    if "x_train" in arrays:
        return {"x_train": arrays["x_train"], "y_train": arrays["y_train"]}
    return {"x_train": arrays["train_images"],
            "y_train": arrays["train_labels"].ravel().astype(np.int64)}  # fmt: skip


def trained(name: str, about: dict, runs: Path) -> Run | None:
    """The finished run of a model."""
    if (runs / name / "config.toml").is_file():
        run = Run.open(runs / name)
        return run if run.status() == "finished" else ganvas.resume(run.folder)
    if (data := images(about["data"], runs)) is None:
        return None
    return ganvas.train(
        data, about["recipe"], run=runs / name, overrides=about["values"],
        start_from=about.get("from", "none"),
    )  # fmt: skip


def built(name: str, about: dict, run: Run) -> dict[str, Any]:
    """Write the files of a model; its entry in models.json."""
    place = PACKAGE / name
    shutil.rmtree(place, ignore_errors=True)
    ganvas.export(run.folder, place, formats=["litert"], version=1)
    for file in [one for one in place.iterdir() if one.is_file()]:
        file.unlink()  # files of deployment, which name a folder of this machine
    pack(run.folder, place / "pair.npz")
    shutil.copy(run.folder / "config.toml", place / "recipe.toml")
    files = sorted(one for one in place.rglob("*") if one.is_file())
    digests = {
        one.relative_to(place).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in files
    }
    return {
        **{key: about[key] for key in ("draws", "source", "license")},
        "networks": run.config.networks,
        "bytes": sum(one.stat().st_size for one in files),
        "files": digests,
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", help="the model of this name")
    options.add_argument("--runs", type=Path, default=HERE / "runs", help="folder of the runs")
    chosen = options.parse_args()
    table = tomllib.loads((HERE / "models.toml").read_text(encoding="utf-8"))
    listed = PACKAGE / "models.json"
    for name, about in table.items():
        if chosen.only not in (None, name):
            continue
        run = trained(name, about, chosen.runs)
        if run is None:
            print(f"{name}: {about['data']} is not in {DATA}: left out")
            continue
        entry = built(name, about, run)
        known = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else {}
        known[name] = entry
        print(f"{name}: {known[name]['bytes'] / 1e6:.1f} MB")
        text = json.dumps({one: known[one] for one in table if one in known}, indent=1)
        listed.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
