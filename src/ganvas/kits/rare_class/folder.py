"""The synthetic images as files for any training: one folder per class, PNGs whose metadata give
their origin, a manifest, and a list for training.

    images/LABEL/000000.png
    manifest.json     models, seeds, counts, the chosen ratio, limits of use
    manifest.csv      path, label, kind, model, seed, index, truncation, sha256
    train.csv         path, label, kind, weight: the real images (paths relative to this folder)
                      and, if the advised arm uses them, the synthetic ones; drawing rows by weight
                      is that arm
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...base.csv_files import csv_file
from ...base.files import write_file, write_json
from ...base.names import file_name
from ...images import write_png
from .drawing import Pool, synthetic_count
from .plan import Plan
from .study import Study

LIMITS = (
    "Synthetic images are made from the real ones and may show the same content: the rules that "
    "hold for the real images hold for them, too."
)


def publish(study: Study, ratio: float, source: Any, mixes: bool) -> int:
    """Write the folder of rare classes, and return the number of its images.

    Every seed's generator gives an equal share, of the images that its arms were tested with.

    Args:
        ratio: synthetic per real draw, of the arm that validation chose.
        source: the user's data, for paths in train.csv.
        mixes: whether the advised arm uses synthetic images.
    """
    material, plan = study.material, study.plan
    pools = [study.pool(seed) for seed in range(plan.seeds)]
    rows: list[dict[str, str]] = []
    for label in material.rare:
        name, count = material.names[label], synthetic_count(material, label)
        folder = study.folder / "images" / file_name(name, material.names)
        picked = _picked(pools, label, count)
        for number, (seed, place) in enumerate(picked):
            rows.append(_write(study, folder / f"{number:06d}.png", pools[seed], seed, place, name))
    write_file(study.folder / "manifest.csv", _csv(rows))
    write_file(
        study.folder / "train.csv", _csv(_training(study, rows if mixes else [], ratio, source))
    )
    about = _about(plan, pools, rows, ratio)
    write_json(study.folder / "manifest.json", about)
    return len(rows)


def _picked(pools: Sequence[Pool], label: int, count: int) -> list[tuple[int, int]]:
    """(seed, row of its pool), the seeds in turn."""
    rows = [np.flatnonzero(pool.labels == label) for pool in pools]
    turns = [(s, int(own[t])) for t in range(max(map(len, rows)))
             for s, own in enumerate(rows) if t < len(own)]  # fmt: skip
    return turns[:count]


def _write(
    study: Study, path: Path, pool: Pool, seed: int, place: int, label: str
) -> dict[str, str]:
    image = pool.images[place]
    about = {
        "label": label, "kind": "synthetic", "model": f"seeds/{seed}/run", "seed": str(pool.seed),
        "index": str(pool.index[place]), "truncation": f"{study.plan.truncation:g}",
    }  # fmt: skip
    if not path.is_file():
        write_png(path, image, {**about, "software": f"ganvas {__version__}"}, synthetic=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"path": path.relative_to(study.folder).as_posix(), **about, "sha256": sha256}


def _training(
    study: Study, rows: list[dict[str, str]], ratio: float, source: Any
) -> list[dict[str, str]]:
    """Weights that make each class equally likely, with `ratio` of synthetic to real."""
    learn, names = study.material.learn, study.material.names
    origin = os.fspath(source) if isinstance(source, (str, os.PathLike)) else "array"
    at = _from(study.folder, Path(origin)) if Path(origin).exists() else origin
    made = {name: sum(row["label"] == name for row in rows) for name in names}
    sizes = np.bincount(learn.labels, minlength=len(names))
    found = []
    for place, c in zip(learn.places, learn.labels, strict=True):
        share = 1 / (1 + ratio) if made[names[c]] else 1.0
        path = f"{at}/{place}" if Path(origin).is_dir() else f"{at}#{place}"
        found.append({"path": path, "label": names[c], "kind": "real",
                      "weight": f"{share / sizes[c]:.6g}"})  # fmt: skip
    for row in rows:
        weight = ratio / (1 + ratio) / made[row["label"]]
        found.append({"path": row["path"], "label": row["label"], "kind": "synthetic",
                      "weight": f"{weight:.6g}"})  # fmt: skip
    return found


def _from(folder: Path, path: Path) -> str:
    """A path relative to a folder; absolute, if they lie on two drives."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def _about(
    plan: Plan, pools: Sequence[Pool], rows: list[dict[str, str]], ratio: float
) -> dict[str, Any]:
    return {
        "software": f"ganvas {__version__}",
        "ratio": ratio,
        "truncation": plan.truncation,
        "images": {name: sum(row["label"] == name for row in rows) for name in plan.rare},
        "models": [
            {"model": f"seeds/{seed}/run", "seed": pool.seed, "counts": pool.counts}
            for seed, pool in enumerate(pools)
        ],
        "limits": LIMITS,
        "again": "ganvas.load(model, 'last').sample(index + 1, label, seed, truncation)[index]; "
        "label is the number of the class in the order of its name",
    }


def _csv(rows: list[dict[str, str]]) -> bytes:
    header = list(rows[0]) if rows else ["path"]
    return csv_file(header, ([row[name] for name in header] for row in rows))
