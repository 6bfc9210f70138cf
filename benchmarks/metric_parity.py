"""Our scores beside the reference implementations, on the same features.

    pip install torch torch-fidelity prdc scipy     # beside ganvas, in an environment for this
    python benchmarks/metric_parity.py [--images 1000] [--dimensions 64]

torch-fidelity's own functions for the Fréchet distance, KID (one subset of all images) and
precision and recall (k = 3); prdc's for these (k = 3) and for density and coverage (k = 5); for
the Fréchet distance also scipy.linalg.sqrtm on the published formula. Three pairs of sets: random,
rank deficient (features in 24 directions: both covariances are singular), and shifted.

torch-fidelity imports torchvision for networks that are not used here; where that is missing or
broken, an empty module takes its place and the functions stay theirs. What cannot be imported
leaves its column empty. Agreement is relative, and 1e-6 is asked for. Of singular covariances
both references take roots of eigenvalues that are zero but for rounding, which costs them the
sixth digit. "singular values" is a third way to the Fréchet distance that has no such roots: the
trace of (cov_a cov_b)^(1/2) is the sum of the singular values of A B^T / (n - 1), where A and B
are the centred features. It tells who is right.

Adds to results/metric_parity.jsonl and writes its table, results/metric_parity.md.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
from unittest.mock import MagicMock

import numpy as np

import store
from ganvas.evaluation.base import Comparison, Sample
from ganvas.evaluation.frechet import Moments, frechet_distance
from ganvas.evaluation.kernel import mmd2
from ganvas.evaluation.manifold import coverage, density, precision, recall

NAMES = ("frechet", "kid", "precision", "recall", "density", "coverage")
OTHERS = ("scipy", "torch-fidelity", "prdc", "singular values")
ENOUGH = 1e-6


def sets(images: int, dimensions: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pairs of features, real and fake: float64, of float32 numbers as an extractor gives."""
    rng = np.random.default_rng(0)
    few = rng.normal(size=(24, dimensions))

    def draw(rank: int | None = None) -> np.ndarray:
        if rank is None:
            return rng.normal(size=(images, dimensions))
        return rng.normal(size=(images, rank)) @ few

    pairs = {
        "random": (draw(), draw()),
        "rank deficient": (draw(24), 1.1 * draw(24)),
        "shifted": (draw(), draw() * 0.9 + 0.2),
    }
    return {name: tuple(_single(x) for x in pair) for name, pair in pairs.items()}


def _single(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32).astype(np.float64)


def ours(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    blank = np.zeros((len(real), 1, 1, 1), np.uint8)
    c = Comparison(Sample(real, blank), Sample(fake, blank))
    values = {f.__name__: f(c).value for f in (precision, recall, density, coverage)}
    distance = frechet_distance(Moments.of(real), Moments.of(fake))
    return {"frechet": distance, "kid": mmd2(real, fake), **values}


def scipy(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """Heusel et al. 2017, eq. 6, as it stands."""
    from scipy.linalg import sqrtm

    a, b = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    gap = real.mean(axis=0) - fake.mean(axis=0)
    return {"frechet": float(gap @ gap + np.trace(a + b - 2 * sqrtm(a @ b).real))}


def singular(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    means = real.mean(axis=0), fake.mean(axis=0)
    a, b = ((x - m) / np.sqrt(len(x) - 1) for x, m in zip((real, fake), means, strict=True))
    gap = means[0] - means[1]
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return {"frechet": float(gap @ gap + np.square(a).sum() + np.square(b).sum() - 2 * root)}


def torch_fidelity(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    import torch

    fid, kid, prc = (_fidelity(f"metric_{name}") for name in ("fid", "kid", "prc"))
    a, b = torch.from_numpy(real), torch.from_numpy(fake)
    statistics = [fid.fid_features_to_statistics(x) for x in (a, b)]
    distance = fid.fid_statistics_to_metric(*statistics, verbose=False)
    options = {"kid_subsets": 1, "kid_subset_size": len(real), "verbose": False}
    kernel = kid.kid_features_to_metric(a, b, **options)
    options = {"prc_neighborhood": 3, "prc_batch_size": 10_000, "save_cpu_ram": False}
    found = prc.prc_features_to_metric(b, a, verbose=False, **options)
    return {
        "frechet": distance[fid.KEY_METRIC_FID],
        "kid": kernel[kid.KEY_METRIC_KID_MEAN],
        "precision": found[prc.KEY_METRIC_PRECISION],
        "recall": found[prc.KEY_METRIC_RECALL],
    }


def _fidelity(module: str):
    try:
        importlib.import_module("torchvision")
    except Exception:  # a torchvision built for another torch raises whatever it meets first
        for name in ("", ".transforms", ".transforms.functional", ".datasets", ".models"):
            sys.modules[f"torchvision{name}"] = MagicMock()
    return importlib.import_module(f"torch_fidelity.{module}")


def prdc(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        three, five = (compute_prdc(real, fake, nearest_k=k) for k in (3, 5))
    return {"precision": three["precision"], "recall": three["recall"],
            "density": five["density"], "coverage": five["coverage"]}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--images", type=int, default=1000)
    options.add_argument("--dimensions", type=int, default=64)
    options = options.parse_args()
    rows = []
    for name, pair in sets(options.images, options.dimensions).items():
        mine = ours(*pair)
        theirs = {}
        for other, function in zip(OTHERS, (scipy, torch_fidelity, prdc, singular), strict=True):
            try:
                theirs[other] = function(*pair)
            except ImportError as error:
                print(f"{other} left out: {error}")
                theirs[other] = {}
        for score in NAMES:
            apart = {
                other: float(abs(mine[score] - values[score]) / abs(values[score]))
                for other, values in theirs.items()
                if score in values
            }
            rows.append({"sets": name, "score": score, "ours": mine[score], "apart": apart})
            print(rows[-1], flush=True)
    store.add("metric_parity", "report", rows)
    store.write_table("metric_parity", table(rows))


def table(rows: list[dict]) -> str:
    lines = [
        [r["sets"], r["score"], f"{r['ours']:.9g}",
         *(f"{r['apart'][o]:.1e}" if o in r["apart"] else "-" for o in OTHERS)]
        for r in rows
    ]  # fmt: skip
    apart = [value for r in rows for value in r["apart"].values()]
    within = sum(value <= ENOUGH for value in apart)
    said = f"{within} of {len(apart)} comparisons agree to {ENOUGH:g} relative.\n"
    return store.markdown(["sets", "score", "ours", *OTHERS], lines) + "\n" + said


if __name__ == "__main__":
    main()
