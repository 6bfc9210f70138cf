"""Leaks that the audit finds, its false alarms, and the cost of differential privacy.

    python benchmarks/privacy.py [--part 0/2] [--only NAME] [--seeds 243]

On MNIST. *planted*: 2,000 real images in a generator's place, 0 or 1 % of them noisy copies of
2,000 training images, 2,000 held out, audited at a family-wise alpha of 0.01 (Holm). *overfit*: a
GAN trained on 64 images; *restore*: the same, by the attacks that restore an image. *dp* and
*merf*: private generators at epsilon 1, 3, 10 and delta 1e-5, by the accuracy on the 10,000 test
images of a classifier trained on 10,000 fakes (ridge regression on random Fourier features) and the
Frechet distance in digit features; *plain*: the same recipe and length without privacy. *shield*:
the attacks that break the overfitted GAN, on one trained with epsilon 10 on 6,000 images. *speed*:
10,000 images searched among 10,000 + 10,000.

Each run is a line of results/privacy.jsonl, and is not repeated. Writes results/privacy.md.
"""

from __future__ import annotations

import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import ganvas
import store
from ganvas.data.mnist import mnist
from ganvas.evaluation import evaluate
from ganvas.gan import accounting
from ganvas.images import grid, write_png
from ganvas.kits import privacy
from ganvas.kits.privacy import copying
from ganvas.kits.privacy.controls import noisy
from ganvas.kits.privacy.utility import Ridge
from jobs import parser, rate, run_all

EPSILONS = (1, 3, 10)
DATA = Path(os.environ.get("GANVAS_DATA", "../shared/data"))
QUIET = {"watch.tensorboard": False, "watch.signals": False, "scores.times": 0, "watch.grids": 1}


def parts(seed: int, *counts: int) -> list[tuple[np.ndarray, np.ndarray]]:
    images, labels = mnist("train")
    order = np.random.default_rng([seed, 99]).permutation(len(images))
    cuts = np.cumsum([0, *counts])
    return [(images[order[a:b]], labels[order[a:b]]) for a, b in pairwise(cuts)]


def planted(share: str, seed: int) -> dict:
    train, holdout, fakes = parts(seed, 2000, 2000, 2000)
    count = round(float(share) * 2000)
    images = fakes[0].copy()
    images[:count] = noisy(train[0][:count], np.random.default_rng(seed))
    began = time.perf_counter()
    found = privacy.audit((images, fakes[1]), train, holdout, seed=seed)
    return {**recorded(found), "seconds": time.perf_counter() - began}


def recorded(found: privacy.AuditReport) -> dict:
    """The part of an audit that is kept as a result."""
    tests = {name: test.to_dict() for name, test in found.tests.items()}
    keys = ("value", "low", "high", "holdout", "p", "adjusted", "leak", "epsilon", "rates", "auc")
    return {
        "verdict": found.verdict, "found": list(found.found), "controls": found.controls.to_dict(),
        "least_share": found.power.least_share, "test_seconds": found.seconds,
        "tests": {name: {k: test[k] for k in keys if k in test} for name, test in tests.items()},
    }  # fmt: skip


def overfit(seed: int) -> dict:
    """A generator that memorised 64 images."""
    found = memorised(seed)
    if seed == 0:
        write_png(store.PICTURES / "privacy-pairs.png", found.pictures["train"])
    return recorded(found)


def restore(seed: int) -> dict:
    """The same; its result has the attacks that restore an image from a part of it."""
    return recorded(memorised(seed))


def memorised(seed: int) -> privacy.AuditReport:
    few, holdout = parts(seed, 64, 320)
    values = {**QUIET, "train.kimg": 48, "train.tick_kimg": 16, "train.seed": seed,
              "data.labels": False, "data.clusters": 0}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = ganvas.train(
            few[0], "quick", run=Path(folder) / "r", overrides=values, progress=False
        )
        return privacy.audit(run, few[0], holdout[0], n=2000, searches=64, seed=seed)


def shield(seed: int) -> dict:
    """The same attacks on a private generator of 6,000 images."""
    train, holdout = parts(seed, 6000, 6000)
    values = {**QUIET, "train.kimg": 76.8, "train.batch": 64, "train.seed": seed,
              "privacy.epsilon": 10.0, "data.labels": False, "data.holdout": 0.0}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = ganvas.train(train[0], "dp", run=Path(folder) / "r", overrides=values, progress=False)
        found = privacy.audit(run, train[0], holdout[0], n=4000, searches=64, seed=seed)
        bound = run.info["privacy"]
    return {**recorded(found), "bound": bound}


def quality(sampler: ganvas.Sampler, name: str) -> dict:
    labels = np.arange(10_000) % 10
    fakes = sampler.sample(10_000, label=labels)
    test, truth = mnist("test")
    right = float((Ridge(10).fit(fakes, labels).predict(shaped(test)) == truth).mean())
    scores = evaluate(fakes, "mnist:test", metrics=["frechet"]).scores
    write_png(store.PICTURES / f"privacy-{name}.png", grid(fakes[:60], 10))
    return {"accuracy": right, "frechet": scores["frechet"].value}


def shaped(images: np.ndarray) -> np.ndarray:
    return images if images.ndim == 4 else images[..., None]


def dp(epsilon: str, seed: int) -> dict:
    """The recipe `dp`; "none": the same without clipping and noise."""
    values = {**QUIET, "train.seed": seed, "data.holdout": 0.0}
    values |= (
        {"privacy.epsilon": None, "data.balanced": True}
        if epsilon == "none"
        else {"privacy.epsilon": float(epsilon)}
    )
    kimg = os.environ.get("GANVAS_DP_KIMG")
    values |= {"train.kimg": float(kimg)} if kimg else {}
    keep = Path(os.environ.get("GANVAS_BENCH_RUNS", tempfile.gettempdir()))
    folder = keep / f"ganvas-dp-{epsilon}-{seed}"
    began = time.perf_counter()
    if (folder / "config.toml").exists():  # an interrupted benchmark is resumed
        run = ganvas.resume(folder, progress=False)
    else:
        run = ganvas.train("mnist", "dp", run=folder, overrides=values, progress=False)
    spent = run.info.get("privacy") or {}
    row = {"bound": spent, "kimg": run.config.train.kimg, "seconds": run.rows()[-1]["seconds"]}
    if spent:
        row["rdp"] = by_renyi(spent)
        row["wall"] = time.perf_counter() - began
    return {**row, **quality(ganvas.load(run), f"dp-{epsilon}")}


def by_renyi(spent: dict) -> float:
    """The same account by another method: Renyi divergences, an upper bound."""
    import dp_accounting
    from dp_accounting import rdp

    accountant = rdp.RdpAccountant()
    event = dp_accounting.GaussianDpEvent(spent["noise"])
    accountant.compose(dp_accounting.PoissonSampledDpEvent(spent["rate"], event), spent["steps"])
    return float(accountant.get_epsilon(spent["delta"]))


def merf(epsilon: str, seed: int) -> dict:
    began = time.perf_counter()
    sampler, spent = privacy.merf("mnist", epsilon=float(epsilon), seed=seed)
    seconds = time.perf_counter() - began
    return {"bound": spent.to_dict(), "seconds": seconds, **quality(sampler, f"merf-{epsilon}")}


def account(noise: str, turns: str) -> dict:
    """Ours against dp-accounting called by hand."""
    import dp_accounting
    from dp_accounting import pld

    by_hand = pld.PLDAccountant()
    event = dp_accounting.GaussianDpEvent(float(noise))
    by_hand.compose(dp_accounting.PoissonSampledDpEvent(128 / 60_000, event), int(turns))
    ours = accounting.epsilon(float(noise), 128 / 60_000, int(turns), 1e-5)
    return {"ours": ours, "theirs": float(by_hand.get_epsilon(1e-5))}


def speed() -> dict:
    """Wall and processor seconds of the search for near-copies, 28 pixels, mirrored as well."""
    train, holdout, fakes = (shaped(part[0]) for part in parts(0, 10_000, 10_000, 10_000))
    began = time.perf_counter(), time.process_time()
    copying.in_pixels(fakes, np.concatenate([train, holdout]))
    return {
        "wall": time.perf_counter() - began[0], "processor": time.process_time() - began[1],
        "load": os.getloadavg()[0],
    }  # fmt: skip


def measure(kind: str, *words) -> dict:
    tests = {"planted": planted, "overfit": overfit, "dp": dp, "merf": merf, "speed": speed,
             "shield": shield, "account": account, "restore": restore}  # fmt: skip
    return {"kind": kind, "words": list(words), **tests[kind](*words)}


def jobs(seeds: int) -> list[tuple]:
    every: list[tuple] = [("speed",)]
    every += [("account", noise, turns) for noise, turns in (("0.5", "2500"), ("1.0", "5000"))]
    every += [("overfit", seed) for seed in range(min(3, seeds))]
    every += [("merf", str(e), 0) for e in EPSILONS]
    every += [("planted", "0.01", seed) for seed in range(min(20, seeds))]
    every += [("planted", "0", seed) for seed in range(seeds)]  # alarms are rare: many runs
    every += [("dp", str(e), 0) for e in reversed(EPSILONS)]
    every += [("shield", 0), ("dp", "none", 0), ("restore", 0)]
    return every


def report(rows: list[dict]) -> str:
    of = {kind: [r for r in rows if r["kind"] == kind] for kind in {r["kind"] for r in rows}}
    text = ["# The privacy kit on MNIST\n"]
    lines = []
    for share, words in (("0.01", "1 % noisy copies"), ("0", "no copies")):
        mine = [r for r in of.get("planted", []) if r["words"][0] == share]
        if mine:
            flagged = sum(r["verdict"] == "leak found" for r in mine)
            good = sum(r["controls"]["good"] for r in mine)
            lines.append((words, f"{flagged} of {len(mine)}", rate(flagged, len(mine)),
                          f"{good} of {len(mine)}"))  # fmt: skip
    if lines:
        text.append("2,000 images, alpha 0.01 over all tests.\n")
        text.append(
            store.markdown(("planted", "flagged", "rate", "controls as they should"), lines)
        )
    lines = [
        (f"{r['kind']} {r['words'][0]}", r["verdict"], ", ".join(r["found"]) or "none",
         area(r, "membership_nearest"), area(r, "membership_discriminator"),
         area(r, "membership_search"))
        for kind in ("overfit", "shield") for r in of.get(kind, [])
    ]  # fmt: skip
    if lines:
        text.append(
            "Membership attacks, by the area under their curve (0.5: they detect nothing).\n"
        )
        head = ("generator, seed", "verdict", "tests that found it", "nearest", "discriminator",
                "search")  # fmt: skip
        text.append(store.markdown(head, lines))
    names = ("reconstruction_nearest", "reconstruction_search", "inversion_search")
    lines = [
        (str(r["words"][0]), *(area(r, name) for name in names),
         ", ".join(n for n in r["found"] if n in names) or "none")
        for r in of.get("restore", [])
    ]  # fmt: skip
    if lines:
        text.append("Attacks that restore an image, on a generator that memorised 64: areas.\n")
        head = ("seed", "hidden half, nearest", "hidden half, search", "blurred, search",
                "found by")  # fmt: skip
        text.append(store.markdown(head, lines))
    lines = [
        (r["kind"], r["words"][0], f"{r['bound'].get('epsilon', float('nan')):.3f}",
         f"{r['accuracy']:.3f}", f"{r['frechet']:.0f}", f"{r['seconds']:.0f}")
        for kind in ("dp", "merf") for r in of.get(kind, [])
    ]  # fmt: skip
    if lines:
        head = ("generator", "epsilon", "spent", "accuracy", "Frechet", "seconds")
        text.append(store.markdown(head, lines))
    for r in of.get("account", []):
        text.append(f"epsilon at noise {r['words'][0]}, {r['words'][1]} turns: "
                    f"{r['ours']:.4f}, by hand {r['theirs']:.4f}.\n")  # fmt: skip
    for r in of.get("speed", []):
        text.append(
            f"10,000 among 20,000 images of 28 px: {r['wall']:.0f} s, {r['processor']:.0f} s of "
            f"processor time, at a load of {r['load']:.0f}.\n"
        )
    return "\n".join(text)


def area(row: dict, name: str) -> str:
    found = row["tests"][name].get("auc")
    return "-" if found is None else f"{found:.2f}"


if __name__ == "__main__":
    options = parser(__doc__, 243).parse_args()
    results = run_all("privacy", jobs(options.seeds), measure, options)
    store.write_table("privacy", report(results))
