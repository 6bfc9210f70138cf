"""Sections of `defects.py` on magnetic tiles and on textures, and those of a plain PatchCore."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from defects_patchcore import PatchCore
from defects_textures import texture
from ganvas.base.litert import runner
from ganvas.kits import defects
from ganvas.stats.ranking import aupro, auroc, components

DATA = Path(os.environ.get("GANVAS_DATA", Path(__file__).parents[1] / "../shared/data"))
TILES = DATA / "magnetic_tile_128.npz"
SEEN, UNSEEN = ("exp1", "exp2", "exp3", "exp4"), ("exp5", "exp6")
"""Exposures: each piece was photographed with several."""


class Sets(NamedTuple):
    """uint8 images, and masks of the bad ones."""

    learn: np.ndarray
    good: np.ndarray
    bad: np.ndarray
    masks: np.ndarray


def fitted(good: np.ndarray, seed: int, folder: str, **options):
    """The detector, and CPU seconds."""
    began = time.process_time()
    detector = defects.fit(good, Path(folder) / "m", seed=seed, progress=False, **options)
    return detector, round(time.process_time() - began, 1)


def judged(detector, good: np.ndarray, bad: np.ndarray, masks: np.ndarray) -> dict:
    found = defects.judge(detector, good, bad, masks)
    area, alarms = found.detector.auroc, found.false_alarms
    return {
        "auroc": area.value, "ap": found.detector.average_precision.value,
        "low": area.low, "high": area.high,
        **{f"auroc {n}": one.auroc.value for n, one in found.baselines.items()},
        **{f"ap {n}": one.average_precision.value for n, one in found.baselines.items()},
        **{f"pixel {key}": value for key, value in asdict(found.pixels["detector"]).items()},
        **{f"pixel {key} pca": value for key, value in asdict(found.pixels["pca"]).items()},
        "recall": found.recall._asdict(), "inside": alarms.inside, "alarms": alarms.count,
        "good": len(good), "bad": len(bad), "alpha": found.alpha, "ms": found.milliseconds,
        "parts": found.ablation, "sentence": found.sentences[0],
        "choice": detector.facts["choice"],
    }  # fmt: skip


def _read() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images, whether they are good, masks, and exposures."""
    with np.load(TILES) as arrays:
        kinds = arrays["classes"][arrays["y"]]
        masks = np.unpackbits(arrays["mask"], axis=1).reshape(-1, 128, 128).astype(bool)
        exposures = np.array([path.split("/")[-1].split("_")[0] for path in arrays["path"]])
        return arrays["x"][..., None], kinds == "MT_Free", masks, exposures


def random_tiles(seed: int) -> Sets:
    """A random quarter of the good tiles is kept for the test; 387 defective ones have masks."""
    x, fine, masks, _ = _read()
    order = np.random.default_rng(seed).permutation(np.flatnonzero(fine))
    kept, bad = len(order) // 4, np.flatnonzero(masks.any((1, 2)))
    return Sets(x[order[kept:]], x[order[:kept]], x[bad], masks[bad])


def other_light(seed: int) -> Sets:
    """The good tiles of four exposures are learnt, the test has the two others."""
    x, fine, masks, exposures = _read()
    seen, unseen = np.isin(exposures, SEEN), np.isin(exposures, UNSEEN)
    bad = unseen & masks.any((1, 2))
    return Sets(x[fine & seen], x[fine & unseen], x[bad], masks[bad])


def textures_of(kind: str) -> Callable[[int], Sets]:
    """600 to learn from, 200 good ones and 200 with planted defects for the test."""

    def made(seed: int) -> Sets:
        good, fine = texture(kind, 600, seed)[0], texture(kind, 200, seed + 1000)[0]
        bad, masks = texture(kind, 200, seed + 2000, broken=True)
        return Sets(good[..., None], fine[..., None], bad[..., None], masks)

    return made


def _measured(section: str, data: str, sets: Sets, seed: int, detail: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        detector, spent = fitted(sets.learn, seed, folder, detail=detail)
        found = judged(detector, sets.good, sets.bad, sets.masks)
    return {"section": section, "data": data, "seed": seed, "fit": spent} | found


def tiles(detail: int, seed: int) -> dict:
    return _measured("tiles", f"tiles, seen at {detail} px", random_tiles(seed), seed, detail)


def lighting(detail: int, seed: int) -> dict:
    """What is asked of a detector whose lamp changed and that was not calibrated again."""
    data = f"tiles, exposures 5 and 6, seen at {detail} px"
    return _measured("lighting", data, other_light(seed), seed, detail)


def textures(kind: str, seed: int) -> dict:
    return _measured("textures", kind, textures_of(kind)(seed), seed, 128)


DEALS = {
    "tiles": random_tiles, "lighting": other_light,
    **{kind: textures_of(kind) for kind in ("weave", "brushed", "grain")},
}  # fmt: skip


def patchcore(data: str, detail: int, seed: int) -> dict:
    """The plain PatchCore on the same deal. It needs no calibration images: it learns from all."""
    sets = DEALS[data](seed)
    model = PatchCore(sets.learn, detail, seed)
    model.score(sets.good[:1])
    began = time.process_time()
    good, maps = model.score(sets.good)
    spent = 1000 * (time.process_time() - began) / len(sets.good)
    bad, more = model.score(sets.bad)
    truth = np.concatenate([np.zeros(sets.good.shape[:3], bool), sets.masks])
    maps = np.concatenate([maps, more])
    return {
        "section": "patchcore", "data": f"{data}, seen at {detail} px", "seed": seed,
        "auroc": round(auroc(good, bad), 5), "aupro": round(aupro(maps, components(truth)), 5),
        "pixel auroc": round(auroc(maps[~truth], maps[truth]), 5),
        "fit": round(model.cpu, 1), "cpu ms": round(spent, 2), "bank": len(model.bank),
    }  # fmt: skip


def cost(detail: int, seed: int) -> dict:
    """CPU milliseconds of an image: SavedModel in batches, LiteRT one at a time, on one thread."""
    sets = random_tiles(seed)
    with tempfile.TemporaryDirectory() as folder:
        detector, spent = fitted(sets.learn, seed, folder, detail=detail)
        lite = runner(detector.place / "model_float32.tflite")
        images = sets.good[:96]

        def by_litert(images: np.ndarray) -> None:
            for image in images:
                lite(image=image[None])

        ways = {
            "with heat-maps, in batches": lambda images: detector.score(images),
            "verdicts alone, in batches": lambda images: detector.score(images, heatmaps=False),
            "the LiteRT file, one at a time, with heat-maps": by_litert,
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(3):
            for name, call in ways.items():
                call(images[:16])
                began = time.process_time()
                call(images)
                times[name].append(1000 * (time.process_time() - began) / len(images))
        size = (detector.place / "model_float32.tflite").stat().st_size / 1e6
    return {
        "section": "cost", "data": f"tiles, seen at {detail} px", "seed": seed, "fit": spent,
        "learn": len(sets.learn), "litert MB": round(size, 1),
        "cpu ms": {name: round(float(np.median(each)), 2) for name, each in times.items()},
    }  # fmt: skip
