"""How long scoring takes and how much memory, and beside torch-fidelity where both do the same.

    pip install torch torch-fidelity     # optional, for the last part
    python benchmarks/metric_speed.py [--images 10000] [--features 50000]

Three parts, each in a process of its own, whose peak of resident memory is reported:
everything that `ganvas.evaluate` does with 10,000 MNIST images and their labels against 10,000
(images in, scores with intervals and floors out, copies looked for among all 60,000 training
images, nothing cached); every score that needs features alone on
50,000 x 1,280 random features a side; and the Fréchet distance and KID alone, as plain numbers
without intervals, on the same features as torch-fidelity's functions, in turn.

Adds to results/metric_speed.jsonl and writes its table, results/metric_speed.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store

WIDTH = 1280


def whole(images: int) -> dict:
    """Everything, from images on; the features of real images are not cached."""
    import ganvas
    from ganvas.data.mnist import mnist

    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANVAS_CACHE"] = folder
        pictures, labels = mnist("test")
        fakes = pictures[:images], labels[:images]  # the training part is there to be copied from
        began = time.perf_counter()
        result = ganvas.evaluate(fakes, "mnist", n=images)
        seconds = time.perf_counter() - began
    scores = [name for name, one in result.scores.items() if one.value is not None]
    return {"seconds": seconds, "scores": scores, "images": images}


def wide(features: int) -> dict:
    """Scores of random features: float32 [features, 1280] a side."""
    from ganvas.evaluation import Comparison, Sample, score

    rng = np.random.default_rng(0)
    pixels = np.zeros((features, 1, 1, 1), np.uint8)
    real, fake = (Sample(rng.standard_normal((features, WIDTH), np.float32), pixels) for _ in "ab")
    names = ["frechet", "kid", "precision", "recall", "density", "coverage"]
    seconds = {}
    comparison = Comparison(real, fake)
    for name in names:
        began = time.perf_counter()
        score(comparison, [name])
        seconds[name] = round(time.perf_counter() - began, 2)
        print(name, seconds[name], file=sys.stderr, flush=True)
    return {"seconds": sum(seconds.values()), "each": seconds, "images": features}


def paired(images: int, rounds: int = 5) -> dict:
    """Seconds of theirs over seconds of ours, in turn, on the same float32 features."""
    from ganvas.evaluation.frechet import Moments, frechet_distance
    from ganvas.evaluation.kernel import mmd2

    try:
        from metric_parity import _fidelity

        fid, kid = _fidelity("metric_fid"), _fidelity("metric_kid")
        import torch
    except ImportError as error:
        return {"seconds": 0.0, "skipped": str(error)}
    torch.set_num_threads(os.cpu_count() or 1)
    rng = np.random.default_rng(0)
    real, fake = (rng.standard_normal((images, WIDTH), np.float32) for _ in "ab")
    few = [x[:2000] for x in (real, fake)]
    tensors = [torch.from_numpy(x) for x in (real, fake)]

    def their_frechet():
        statistics = [fid.fid_features_to_statistics(x) for x in tensors]
        return fid.fid_statistics_to_metric(*statistics, verbose=False)

    contests = {
        "frechet": (their_frechet, lambda: frechet_distance(Moments.of(real), Moments.of(fake))),
        "kid": (
            lambda: kid.kid_features_to_metric(
                *(torch.from_numpy(x) for x in few), kid_subsets=1, kid_subset_size=2000,
                kid_kernel="poly", verbose=False, rng_seed=0,
            ),
            lambda: mmd2(*few),
        ),
    }  # fmt: skip
    rows = {}
    for name, (theirs, ours) in contests.items():
        times: dict = {theirs: [], ours: []}
        for _ in range(rounds):
            for function in (theirs, ours):
                began = time.perf_counter()
                function()
                times[function].append(time.perf_counter() - began)
        ratios = [a / b for a, b in zip(times[theirs], times[ours], strict=True)]
        rows[name] = {
            "theirs_over_ours": round(statistics.median(ratios), 2),
            "all_ratios": [round(r, 2) for r in ratios],
            "our_seconds": round(statistics.median(times[ours]), 3),
        }
    return {"seconds": 0.0, "images": images, "contests": rows}


PARTS = {"whole": whole, "wide": wide, "paired": paired}


def alone(part: str, count: int) -> dict:
    """A part in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--part", part, "--images", str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--images", type=int, default=10_000)
    options.add_argument("--features", type=int, default=50_000)
    options.add_argument("--part", choices=PARTS)
    chosen = options.parse_args()
    if chosen.part:
        result = PARTS[chosen.part](chosen.images)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({**result, "peak_gib": round(peak, 2)}))
        return
    counts = {"whole": chosen.images, "wide": chosen.features, "paired": chosen.images}
    results = {part: alone(part, count) for part, count in counts.items()}
    for part, result in results.items():
        store.add("metric_speed", part, result)
    text = store.markdown(
        ["what", "images a side", "seconds", "peak memory, GiB"],
        [
            [part, f"{results[part]['images']:,}", f"{results[part]['seconds']:.0f}",
             str(results[part]["peak_gib"])]
            for part in ("whole", "wide")
        ],
    )  # fmt: skip
    for name, row in results["paired"].get("contests", {}).items():
        text += f"\n{name}: torch-fidelity takes {row['theirs_over_ours']} times our time.\n"
    store.write_table("metric_speed", text)


if __name__ == "__main__":
    main()
