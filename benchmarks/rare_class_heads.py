"""Does a covariance pooled over all classes help a rare class more than class weights?

    python benchmarks/rare_class_heads.py [--seeds 10] [--only mnist]

Frozen features and two linear classifiers, arms of `ganvas balance`: class-weighted logistic
regression (`features`) and linear discriminant analysis (`lda`). Three public sets: MNIST "8" and
Fashion-MNIST "shirt" with 20 images of the rare class and 500 of each other, chest X-rays with 50
of the normal ones and 1,000 with pneumonia ($GANVAS_DATA, default ../shared/data; absent data are
left out). Each seed draws other images from the official training part and validates by a fifth of
them; the strength of the penalty and of the shrinkage, five values each, are chosen on these folds of all
seeds together. Then up to 4,000 images of the official test part are used once.

A setting is a line of results/rare_class_heads.jsonl, and is not repeated.
"""

from __future__ import annotations

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import store
from ganvas.kits.rare_class import choosing, frozen
from ganvas.kits.rare_class.parts import validates
from ganvas.kits.rare_class.plan import HEADS, PENALTIES, SHRINKAGES
from ganvas.stats import exact
from ganvas.stats.roc import Judge
from jobs import parser, run_all
from rare_class_data import DATA, SETTINGS, material

ALL = ("xray-normal-50", "fashion-shirt-20", "mnist-8-20")
TEST = 4000


def measure(setting: str, seeds: int) -> dict:
    """All seeds of a setting, the choices, and the comparison on the test part."""
    began = time.perf_counter()
    strengths = {"features": PENALTIES, "lda": SHRINKAGES}
    valid = {(arm, s): [] for arm in HEADS for s in strengths[arm]}
    tested = {key: [] for key in valid}
    spent = dict.fromkeys(HEADS, 0.0)
    first = material(setting, 0, TEST)
    compute = frozen.Features(first.learn.images.shape[1:])
    test = compute(first.test.images)
    for seed in range(seeds):
        found = material(setting, seed, TEST)
        learn, classes = found.learn, len(found.names)
        features, folds = compute(learn.images), validates(learn, classes, seed, 0)
        x, y = features[~folds], learn.labels[~folds]
        seen = frozen.basis(x)
        for arm, strength in valid:
            start = time.process_time()
            head = frozen.fitted(arm, strength, x, y, frozen.balancing(y), seen)
            spent[arm] += time.process_time() - start
            score = choosing.auroc(head(features[folds]), learn.labels[folds], found.rare)
            valid[arm, strength].append(score)
            tested[arm, strength].append(head(test))
        print(setting, seed, round(time.perf_counter() - began), flush=True)
    best = {arm: max(strengths[arm], key=lambda s, a=arm: np.mean(valid[a, s])) for arm in HEADS}
    judge = Judge(first.test.labels, first.test.units, classes, first.rare)
    measured = {arm: judge.measured(np.stack(tested[arm, best[arm]])) for arm in HEADS}
    apart = judge.difference(measured["lda"], measured["features"])
    adjusted = exact.holm({name: one.p for name, one in apart.items()})
    return {
        "setting": setting, "seeds": seeds, "strength": best,
        "test": len(first.test), "rare": int((first.test.labels == first.rare[0]).sum()),
        "arms": {arm: judge.values(one) for arm, one in measured.items()},
        "apart": {name: [*one, adjusted[name]] for name, one in apart.items()},
        "by_seed": {arm: one.seeds[:, 0].tolist() for arm, one in measured.items()},
        "milliseconds": {arm: 1000 * spent[arm] / seeds / len(strengths[arm]) for arm in HEADS},
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip


def word(apart: dict[str, list[float]]) -> str:
    """As the verdict of the kit: a measure is better after Holm, and none is worse."""
    better = any(p < 0.05 and low > 0 for _, low, _, _, p in apart.values())
    worse = any(p < 0.05 and high < 0 for _, _, high, _, p in apart.values())
    return "no evidence" if better == worse else "helps" if better else "hurts"


def main() -> None:
    chosen = parser(__doc__, seeds=10).parse_args()
    there = [s for s in ALL if (DATA / SETTINGS[s][0]).is_file()]
    rows = run_all("rare_class_heads", [(s, chosen.seeds) for s in there], measure, chosen)
    head = ["setting", "features: AUROC", "lda: AUROC", "difference in AUROC",
            "sensitivity at 90 % specificity", "at 95 %", "p of AUROC after Holm",
            "ms to fit: features", "lda", "verdict on lda"]  # fmt: skip
    table = [
        [row["setting"], *(f"{row['arms'][arm]['auroc'][0]:.4f}" for arm in HEADS),
         *(f"{d[0]:+.4f} ({d[1]:+.4f} to {d[2]:+.4f})" for d in row["apart"].values()),
         f"{row['apart']['auroc'][4]:.3g}", *(f"{row['milliseconds'][arm]:.0f}" for arm in HEADS),
         word(row["apart"])]
        for row in rows
    ]  # fmt: skip
    store.write_table("rare_class_heads", store.markdown(head, table))


if __name__ == "__main__":
    main()
