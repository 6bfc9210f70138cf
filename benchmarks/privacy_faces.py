"""Seven planted cases of the privacy audit on faces, with people held out.

    GANVAS_DATA=FOLDER python benchmarks/privacy_faces.py [--seeds 3] [--only NAME]

ORL faces (AT&T Laboratories Cambridge) at 64 px. Trained on: 16 people, five photographs each (80
images). Held out: 16 others, five each. In the generator's place: 200 images, made of photographs
of the last 8 people, slightly turned, zoomed and mirrored; in six of the seven cases a part of them
is replaced by a planted leak:

- healthy: nothing is planted
- copies: 10 % are training images with noise of 8 grey levels
- others: 25 % are *other* photographs of the people trained on
- turned: 25 % are training images, turned by 5 to 12 degrees and zoomed by 5 to 15 %
- warped: 25 % are training images under a smooth random displacement
- blends: 25 % are the mean of training images of two people
- relit: 25 % are training images with a gamma of 0.5 to 0.7 or 1.5 to 2

The audit has the embedder faceres and its defaults, alpha 0.01. It is right if it finds a leak in
the six and none in `healthy`. Beside it, what a distance to the closest record (DCR) says: the
share of images that are closer to a training image than to a held-out one, and the score of
SDMetrics' DCROverfittingProtection, 2 (1 - share), at most 1. DCR counts as an alarm here if the
share is above a half in a one-sided binomial test at 0.01.

The same once more without the embedder: then the bundled features match people. And `healthy` with
20 seeds, for false alarms.

Each run is a line of results/privacy_faces.jsonl, and is not repeated. Seconds are of processor
time, with an empty cache. Writes results/privacy_faces.md.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import scipy
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates

import store
from ganvas.images import refit
from ganvas.kits import privacy
from ganvas.kits.privacy.controls import noisy
from jobs import parser, run_all

DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
EMBEDDER = DATA / "faceres_emb_fp16.tflite"
CASES = ("healthy", "copies", "others", "turned", "warped", "blends", "relit")
FAKES, SHARE, SIDE = 200, 0.25, 64
SEEDS, HEALTHY = 3, 20


def turned(image: np.ndarray, degrees: float, zoom: float) -> np.ndarray:
    """Around its centre; the edge is repeated."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    centre = (np.array(image.shape) - 1) / 2
    moved = affine_transform(
        image.astype(float), matrix, centre - matrix @ centre, order=1, mode="nearest"
    )
    return np.clip(np.rint(moved), 0, 255)


def warped(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth random displacement, of two pixels on average."""
    grid = np.indices(image.shape).astype(float)
    shift = np.stack([gaussian_filter(rng.normal(size=image.shape), 6) for _ in range(2)])
    grid += shift * 2 / np.abs(shift).mean()
    return np.clip(
        np.rint(map_coordinates(image.astype(float), grid, order=1, mode="nearest")), 0, 255
    )


def relit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    gamma = rng.uniform(0.5, 0.7) if rng.random() < 0.5 else rng.uniform(1.5, 2.0)
    return np.rint(255 * (image / 255.0) ** gamma)


def fresh(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As drawn by a generator: slightly turned and zoomed, mirrored or not."""
    image = image[:, ::-1] if rng.random() < 0.5 else image
    return turned(image, rng.uniform(-5, 5), rng.uniform(1.0, 1.08))


def plant(case: str, rows: np.ndarray, faces: dict, rng: np.random.Generator) -> list[np.ndarray]:
    train, who = faces["train"], faces["train_people"]
    if case == "others":
        return [fresh(faces["other"][row], rng) for row in rows]
    if case == "copies":
        return list(noisy(train[rows], rng))
    if case == "turned":
        ways = rng.choice([-1, 1], len(rows)) * rng.uniform(5, 12, len(rows))
        return [
            turned(train[r], way, rng.uniform(1.05, 1.15))
            for r, way in zip(rows, ways, strict=True)
        ]
    if case == "warped":
        return [warped(train[row], rng) for row in rows]
    if case == "blends":
        partners = [rng.choice(np.flatnonzero(who != who[row])) for row in rows]
        return [train[[a, b]].mean(axis=0) for a, b in zip(rows, partners, strict=True)]
    return [relit(train[row], rng) for row in rows]


def faces(seed: int) -> dict[str, np.ndarray]:
    """Photographs of the people of each part, uint8 [N, 64, 64], and who is on them."""
    with np.load(DATA / "orl_faces.npz") as arrays:
        pixels, people = arrays["x"], arrays["y"]
    small = np.stack([refit(x[..., None], (SIDE, SIDE), 1, "crop")[..., 0] for x in pixels])
    rng = np.random.default_rng([seed, 38])
    order = rng.permutation(np.unique(people))
    half = {who: np.split(rng.permutation(np.flatnonzero(people == who)), 2) for who in order}
    parts = {
        "train": [half[who][0] for who in order[:16]],
        "other": [half[who][1] for who in order[:16]],
        "holdout": [half[who][0] for who in order[16:32]],
        "strangers": [np.concatenate(half[who]) for who in order[32:]],
    }
    rows = {name: np.concatenate(part) for name, part in parts.items()}
    found = {name: small[part] for name, part in rows.items()}
    for name in ("train", "holdout"):
        found[f"{name}_people"] = np.array([f"person {people[row]:02}" for row in rows[name]])
    return found


def images(case: str, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """What the generator is said to have drawn, uint8 [200, 64, 64], and the faces."""
    parts = faces(seed)
    rng = np.random.default_rng([seed, 39, CASES.index(case)])
    strangers = parts["strangers"]
    made = [fresh(strangers[row], rng) for row in rng.integers(0, len(strangers), FAKES)]
    count = {"healthy": 0, "copies": FAKES // 10}.get(case, round(SHARE * FAKES))
    if count:
        made[:count] = plant(case, rng.permutation(len(parts["train"]))[:count], parts, rng)
    order = rng.permutation(FAKES)
    return np.stack(made)[order].astype(np.uint8), parts


def closest_record(fakes: np.ndarray, parts: dict[str, np.ndarray]) -> dict:
    """The share of images closer to a training image than to a held-out one."""
    flat = [x.reshape(len(x), -1).astype(float) for x in (fakes, parts["train"], parts["holdout"])]
    near = [scipy.spatial.distance.cdist(flat[0], part).min(axis=1) for part in flat[1:]]
    closer = int((near[0] < near[1]).sum())
    p = float(scipy.stats.binomtest(closer, len(fakes), 0.5, "greater").pvalue)
    share = closer / len(fakes)
    return {"share": share, "score": min(1.0, 2 * (1 - share)), "p": p, "alarm": p <= 0.01}


def measure(case: str, seed: int, embedder: str = "faceres") -> dict:
    fakes, parts = images(case, seed)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GANVAS_CACHE"] = cache
        began = time.process_time()
        found = privacy.audit(
            fakes, (parts["train"], parts["train_people"]),
            (parts["holdout"], parts["holdout_people"]), seed=seed,
            embedder=EMBEDDER if embedder == "faceres" else None,
        )  # fmt: skip
        seconds = time.process_time() - began
    tests = {name: test.to_dict() for name, test in found.tests.items()}
    keys = ("value", "low", "high", "holdout", "p", "adjusted", "leak", "auc", "risk")
    return {
        "case": case, "seed": seed, "embedder": embedder, "verdict": found.verdict,
        "found": list(found.found),
        "right": (found.verdict == "leak found") == (case != "healthy"),
        "controls": found.controls.to_dict(), "power": found.power.to_dict(),
        "tests": {name: {k: test[k] for k in keys if k in test} for name, test in tests.items()},
        "dcr": closest_record(fakes, parts), "seconds": seconds, "test_seconds": found.seconds,
    }  # fmt: skip


def report(rows: list[dict]) -> str:
    named = [row for row in rows if row.get("embedder", "faceres") == "faceres"]
    first = [row for row in named if row["seed"] < SEEDS]
    bundled = [row for row in rows if row.get("embedder") == "bundled"]
    lines = []
    for case in CASES:
        mine = [row for row in first if row["case"] == case]
        leak = case != "healthy"
        tests = sorted({name for row in mine for name in row["found"]})
        lines.append((
            case, "leak" if leak else "none", right(mine),
            right([row for row in bundled if row["case"] == case]), closest(mine),
            ", ".join(f"{r['dcr']['score']:.2f}" for r in mine),
            f"{sum(r['controls']['good'] for r in mine)} of {len(mine)}",
            ", ".join(tests) or "none",
        ))  # fmt: skip
    head = ("case", "planted", "audit right", "without embedder", "DCR right", "DCR score by seed",
            "controls as they should", "tests that found it in some seed")  # fmt: skip
    times = [row["seconds"] for row in named]
    healthy = [row for row in named if row["case"] == "healthy"]
    return (
        "# The privacy audit on seven planted cases\n\n"
        "ORL faces, 80 training images of 16 people, 16 others held out, 200 images audited.\n\n"
        + store.markdown(head, lines)
        + f"\nThe audit is right in {right(first)}, without the embedder in {right(bundled)}, the "
        f"distance to the closest record in {closest(first)}.\n\n"
        f"Of `healthy` with further seeds, the audit is right in {right(healthy)}.\n\n"
        f"An audit takes {min(times):.0f} to {max(times):.0f} s of processor time, with the "
        "embedder and an empty cache.\n"
    )


def right(rows: list[dict]) -> str:
    return f"{sum(row['right'] for row in rows)} of {len(rows)}"


def closest(rows: list[dict]) -> str:
    return f"{sum(r['dcr']['alarm'] == (r['case'] != 'healthy') for r in rows)} of {len(rows)}"


if __name__ == "__main__":
    options = parser(__doc__, SEEDS).parse_args()
    jobs: list[tuple] = [(case, seed) for seed in range(options.seeds) for case in CASES]
    jobs += [(case, seed, "bundled") for seed in range(options.seeds) for case in CASES]
    jobs += [("healthy", seed) for seed in range(options.seeds, HEALTHY)]
    results = run_all("privacy_faces", jobs, measure, options)
    store.write_table("privacy_faces", report(results))
